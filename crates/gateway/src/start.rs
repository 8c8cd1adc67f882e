//! From arguments to a running gateway, refusing what would not be safe or could not work.

use crate::{
    args::{Args, Command},
    demo, listen,
};
use headworks::{BuildError, Gateway, config};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

/// The buckets of every histogram, in seconds: from a refused connection to a long generation.
const SECONDS: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0,
];

/// Why the gateway did not start, or stopped.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The configuration is wrong.
    Config(config::Error),
    /// The configuration is well-formed but no gateway can be made of it.
    Build(BuildError),
    /// Both a configuration and the demo, which has its own, were asked for.
    TwoConfigs,
    /// Anyone could use the deployments' keys.
    OpenToAll(IpAddr),
    /// The address cannot be listened on.
    Bind(SocketAddr, io::Error),
    /// The process lacks something: threads, signals.
    Io(io::Error),
}

/// Loads, checks, announces and serves until a signal.
pub(crate) fn run(args: &Args) -> Result<(), StartError> {
    if args.config.is_some() && args.command.is_some() {
        return Err(StartError::TwoConfigs);
    }
    let demo = match (&args.config, args.command) {
        (_, Some(Command::Demo)) | (None, None) => true,
        (Some(_), None) => false,
    };
    let loaded = match &args.config {
        Some(path) if !demo => config::Config::load(path),
        _ => demo::config(),
    };
    let loaded = loaded.map_err(StartError::Config)?;
    for notice in &loaded.notices {
        if args.check {
            println!("{notice}");
        } else {
            tracing::warn!("{notice}");
        }
    }
    let config = loaded.config;
    let permitted = config.general.master_key.is_some()
        || config.general.dangerously_permit_weak_or_unset_master_key;
    if !args.host.is_loopback() && !permitted {
        return Err(StartError::OpenToAll(args.host));
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(StartError::Io)?;
    if args.check {
        return runtime.block_on(async { check(&config) });
    }
    runtime.block_on(async {
        // Before the gateway is built: its deployments register their metrics as they are made.
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| StartError::Io(io::Error::other(error)))?;
        let mock_faults =
            args.host.is_loopback() || config.general.dangerously_allow_mock_testing_request_params;
        let gateway = Gateway::builder(&config)
            .mock_faults(mock_faults)
            .metrics(move || metrics.render())
            .build()
            .map_err(StartError::Build)?;

        for plan in gateway.plans() {
            tracing::info!("{plan}");
        }
        if let Some(limits) = gateway.limits() {
            tracing::info!("{limits}");
        }
        let address = SocketAddr::new(args.host, args.port);
        let listener = listen::bind(address).map_err(|error| StartError::Bind(address, error))?;
        let address = listener.local_addr().map_err(StartError::Io)?;
        tracing::info!(
            deployments = config.deployments.len(),
            "listening on http://{address}"
        );
        if demo {
            demo::invite(address);
        }
        listen::serve(listener, gateway)
            .await
            .map_err(StartError::Io)
    })
}

/// Builds what would be run, and tells what may become of a request and whether limits are kept.
fn check(config: &config::Config) -> Result<(), StartError> {
    let gateway = Gateway::new(config).map_err(StartError::Build)?;
    for plan in gateway.plans() {
        println!("{plan}");
    }
    if let Some(limits) = gateway.limits() {
        println!("{limits}");
    }
    Ok(())
}

// ===== impl StartError =====

impl StartError {
    /// 2 for what the user must change in what they wrote, 1 for what the machine would not do.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Build(_) | Self::TwoConfigs | Self::OpenToAll(_) => {
                ExitCode::from(2)
            }
            Self::Bind(..) | Self::Io(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
            Self::TwoConfigs => f.write_str(
                "`demo` runs a configuration of its own; leave out either it or --config",
            ),
            Self::OpenToAll(host) => write!(
                f,
                "refusing to listen on {host} without a key: anyone who can reach it could spend the \
                 keys of every deployment.\n\
                 Set `general_settings.master_key` in the configuration, or listen on 127.0.0.1, or set \
                 `general_settings.dangerously_permit_weak_or_unset_master_key: true` if something in \
                 front of the gateway checks callers."
            ),
            Self::Bind(address, error) => {
                write!(f, "cannot listen on {address}: {error}")?;
                if error.kind() == io::ErrorKind::AddrInUse {
                    f.write_str("; choose another with --port, or --port 0 for a free one")?;
                }
                Ok(())
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}
