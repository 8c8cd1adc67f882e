//! The contract every layer is held to, on this one: the suite's checks, but for those of response bodies
//! whose data are not `Bytes`, which a layer that writes to the body cannot take.

use headworks_contract::{bodies, checks, hosts, run};
use headworks_openai::stream::{CommitLayer, CommitPoint};
use http::Method;
use tower::util::MapRequestLayer;
use tower_layer::Stack;

fn layers() -> [CommitLayer; 2] {
    [CommitPoint::FirstToken, CommitPoint::Complete].map(CommitLayer::new)
}

#[test]
fn a_clone_for_each_request_answers() {
    for layer in layers() {
        run(checks::a_clone_for_each_request(layer));
    }
}

#[test]
fn one_instance_answers_request_after_request() {
    for layer in layers() {
        run(checks::one_instance_for_all(layer));
    }
}

#[test]
fn it_answers_from_within_a_buffer() {
    for layer in layers() {
        run(checks::behind_a_buffer(layer));
    }
}

#[test]
fn it_calls_only_what_was_polled_ready() {
    for layer in layers() {
        run(checks::only_what_was_polled_ready(layer));
    }
}

#[test]
fn layer_and_service_are_clone_send_sync_and_debug() {
    for layer in layers() {
        checks::auto_traits(&layer);
    }
}

#[test]
fn any_request_body_passes() {
    for layer in layers() {
        run(checks::request_body_passes(layer.clone(), bodies::full()));
        run(checks::request_body_passes(layer.clone(), bodies::text()));
        run(checks::request_body_passes(
            layer.clone(),
            bodies::scripted(),
        ));
        run(checks::request_body_passes(layer, bodies::odd()));
    }
}

#[test]
fn a_response_body_passes_frame_by_frame() {
    let body = headworks_contract::ScriptedBody::good;
    for layer in layers() {
        run(checks::response_body_passes(layer, body));
    }
}

/// The check sends an empty body too, which is none of the answers to a `POST` that pass.
#[test]
fn bodies_pass_as_they_are() {
    let get = |mut request: headworks_contract::Request| {
        *request.method_mut() = Method::GET;
        request
    };
    for layer in layers() {
        let layer = Stack::new(layer, MapRequestLayer::new(get));
        run(checks::bodies_pass_as_they_are(layer));
    }
}

#[test]
fn inner_errors_are_the_source() {
    for layer in layers() {
        run(checks::inner_errors_are_the_source(layer));
    }
}

#[test]
fn what_is_dropped_ends_within() {
    for layer in layers() {
        run(checks::what_is_dropped_ends_within(layer));
    }
}

#[test]
fn readiness_passes_through() {
    for layer in layers() {
        checks::readiness_passes_through(layer);
    }
}

#[test]
fn a_plain_answer_costs_two_allocations() {
    // What is waited for: its body, and where that goes on from.
    for layer in layers() {
        run(async { checks::allocations_are_bounded(layer, 2) });
    }
}

#[test]
fn axum_hosts_it() {
    for layer in layers() {
        run(hosts::axum_router(hosts::errors_handled(layer)));
    }
}

#[test]
fn hyper_hosts_it() {
    for layer in layers() {
        run(hosts::hyper_server(layer));
    }
}

#[test]
fn a_tonic_client_hosts_it() {
    for layer in layers() {
        run(hosts::tonic_client(layer));
    }
}

#[test]
fn a_tonic_server_hosts_it() {
    for layer in layers() {
        run(hosts::tonic_server(layer));
    }
}
