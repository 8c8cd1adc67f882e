use super::{load, pause};
use anyhow::{Context, Result, ensure};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// A load that comes at its own pace, whatever becomes of the answers: so many small requests a second. How long
/// one takes is counted from when it was due, so that a server that stands still is charged for all who come
/// meanwhile.
pub(crate) struct Steady {
    pub(crate) port: u16,
    pub(crate) per_second: u32,
    pub(crate) time: Duration,
}

/// What became of it.
pub(crate) struct Came {
    /// How long each took, the shortest first.
    times: Vec<Duration>,
}

/// A connection that is kept, and what is asked over it.
struct Client {
    stream: BufReader<TcpStream>,
    request: String,
}

/// How many connections take turns. At these rates and times all but one or two are idle.
const CONNECTIONS: u32 = 16;

/// No answer takes longer, or it is an error.
const PATIENCE: Duration = Duration::from_secs(10);

// ===== impl Steady =====

impl Steady {
    /// Sends it all, and waits for every answer.
    ///
    /// # Errors
    ///
    /// When any request was not answered with 200.
    pub(crate) fn drive(&self) -> Result<Came> {
        let begin = Instant::now();
        let times = thread::scope(|scope| {
            let turns = |first| scope.spawn(move || self.take_turns(begin, first));
            let threads: Vec<_> = (0..CONNECTIONS).map(turns).collect();
            let times = threads.into_iter().map(joined);
            times.collect::<Result<Vec<_>>>()
        })?;
        let mut times = times.concat();
        ensure!(!times.is_empty(), "no request was due");
        times.sort_unstable();
        Ok(Came { times })
    }

    /// Sends every so manieth request, each when it is due, and says how long they took.
    fn take_turns(&self, begin: Instant, first: u32) -> Result<Vec<Duration>> {
        let mut client = Client::connect(self.port)?;
        let interval = Duration::from_secs(1) / self.per_second;
        let due = (first..).step_by(CONNECTIONS as usize);
        let due = due.map(|number| interval * number);
        due.take_while(|due| *due < self.time)
            .map(|due| {
                let due = begin + due;
                pause(due.saturating_duration_since(Instant::now()));
                client.ask()?;
                Ok(due.elapsed())
            })
            .collect()
    }
}

// ===== impl Came =====

impl Came {
    /// How long so many hundredths of them took at most.
    pub(crate) fn percentile(&self, hundredths: usize) -> Duration {
        self.times[(self.times.len() - 1) * hundredths / 100]
    }

    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }
}

// ===== impl Client =====

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = format!(
            r#"{{"model":"{}","messages":[{{"role":"user","content":"How much water is let in?"}}]}}"#,
            load::GROUP
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-bench\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Self {
            stream: BufReader::new(stream),
            request,
        })
    }

    /// Asks once, and reads the answer to its end.
    fn ask(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(self.request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head)?;
            ensure!(read > 0, "the connection ends in the head of an answer");
        }
        ensure!(head.starts_with("HTTP/1.1 200 "), "{}", head.trim());
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("an answer does not tell its length")?;
        let length = length.1.parse()?;
        let read = io::copy(&mut (&mut self.stream).take(length), &mut io::sink())?;
        ensure!(read == length, "the connection ends in an answer");
        Ok(())
    }
}

/// What a thread has come to; it panics as the thread did.
pub(crate) fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    let joined = thread.join();
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
