use crate::{
    Log, Scenario, What,
    demand::{Request, Requests},
    fleet::Fleet,
    network::Network,
    recorder::Recorder,
};
use fastrand::Rng;
use headworks_limit::{Reservation, Tokens, Unit, share::LEASE};
use std::{collections::BTreeMap, io, time::Duration};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

/// Runs a scenario with so many instances, and says all that has happened.
///
/// The same scenario, seed included, gives the same log every time: what the simulation leaves to chance comes
/// from generators of its own, and what the keepers do from the thread's, which is seeded here.
///
/// # Errors
///
/// If the system gives no runtime.
pub fn run(scenario: &Scenario, instances: usize) -> io::Result<Log> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    fastrand::seed(scenario.seed);
    Ok(runtime.block_on(simulate(scenario, instances)))
}

/// What happens at a moment.
enum Act {
    Cut(usize, bool),
    Down(bool),
    Pause(Duration),
    Empty,
    Jump(f64),
    Crash(usize),
}

/// A request under way.
struct Flight {
    reservation: Reservation,
    quota: usize,
    reserved: Tokens,
    costs: Tokens,
}

/// What is in the windows of a quota, of each rate, as whoever knew everything would count it.
struct Room {
    rates: Vec<(Unit, u64)>,
    /// By quota and rate: what has been admitted in the last 62 seconds, as it cost in the end.
    admitted: Vec<Vec<u64>>,
    /// And what is reserved beyond that by those under way.
    reserved: Vec<Vec<u64>>,
}

/// Instances have started, and know each other, before the first request comes.
const BEFORE: Duration = Duration::from_secs(2);

/// For how long the store counts what it has granted, in milliseconds.
pub(crate) const COUNTED: usize = 62_000;

/// The window that limits are for, in milliseconds.
pub(crate) const MINUTE: usize = 60_000;

/// Whoever is told to come back within this time does so, if they are of that kind.
const SOON: Duration = Duration::from_millis(50);

const MILLI: Duration = Duration::from_millis(1);

async fn simulate(scenario: &Scenario, instances: usize) -> Log {
    let mut rng = Rng::with_seed(scenario.seed);
    let begins = match scenario.together {
        true => Instant::now(),
        false => Instant::now() + BEFORE,
    };
    let log = Log::new(scenario.quotas, &scenario.limits.rates());
    let recorder = Recorder::new(log, begins);
    let network = Network::new(scenario.network, instances, rng.fork(), recorder.clone());
    let mut fleet = Fleet::new(scenario, instances, &network);
    start(scenario, instances, &mut fleet, &mut rng).await;
    let acts = acts(scenario, instances, &mut rng);
    let requests = Requests::new(&scenario.demand, scenario.quotas, instances, rng);
    Simulation {
        scenario,
        network: &network,
        fleet,
        requests,
        acts,
        flights: BTreeMap::new(),
        later: BTreeMap::new(),
        room: Room::new(scenario),
        recorder: &recorder,
    }
    .run()
    .await;
    recorder.take()
}

/// Starts all of them, at any moment of a second or all in one.
async fn start(scenario: &Scenario, instances: usize, fleet: &mut Fleet<'_>, rng: &mut Rng) {
    let now = Instant::now();
    let mut starts: Vec<_> = (0..instances)
        .map(|place| (rng.u32(..1000), place))
        .collect();
    starts.sort_unstable();
    for (at, place) in starts {
        if !scenario.together {
            sleep_until(now + at * MILLI).await;
        }
        fleet.start(place);
    }
}

/// What happens in which millisecond.
fn acts(scenario: &Scenario, instances: usize, rng: &mut Rng) -> BTreeMap<usize, Vec<Act>> {
    let mut acts: BTreeMap<usize, Vec<Act>> = BTreeMap::new();
    let mut at = |second: f64, act| {
        let milli = (second * 1000.0) as usize;
        acts.entry(milli).or_default().push(act);
    };
    for event in &scenario.events {
        let lasts = event.until - event.from;
        match event.what {
            What::Partition(part) => {
                for place in some(part, instances, rng) {
                    at(event.from, Act::Cut(place, true));
                    at(event.until, Act::Cut(place, false));
                }
            }
            What::Down => {
                at(event.from, Act::Down(true));
                at(event.until, Act::Down(false));
            }
            What::Paused => at(event.from, Act::Pause(Duration::from_secs_f64(lasts))),
            What::Emptied => at(event.from, Act::Empty),
            What::Clock(seconds) => at(event.from, Act::Jump(seconds)),
            What::Crash(part) => {
                let places = some(part, instances, rng);
                let step = lasts / places.len() as f64;
                for (number, place) in places.into_iter().enumerate() {
                    at(step.mul_add(number as f64, event.from), Act::Crash(place));
                }
            }
        }
    }
    acts
}

/// So many of them, in any order.
pub(crate) fn some(part: f64, instances: usize, rng: &mut Rng) -> Vec<usize> {
    let mut places: Vec<_> = (0..instances).collect();
    rng.shuffle(&mut places);
    places.truncate(count(part, instances));
    places
}

/// How many they are.
pub(crate) fn count(part: f64, instances: usize) -> usize {
    (part * instances as f64).ceil() as usize
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    network: &'a Network,
    fleet: Fleet<'a>,
    requests: Requests<'a>,
    acts: BTreeMap<usize, Vec<Act>>,
    /// By the millisecond in which they end.
    flights: BTreeMap<usize, Vec<Flight>>,
    /// Those that come back, by the millisecond in which they do.
    later: BTreeMap<usize, Vec<Request>>,
    room: Room,
    recorder: &'a Recorder,
}

// ===== impl Simulation =====

impl Simulation<'_> {
    async fn run(mut self) {
        let end = self.scenario.seconds * 1000;
        for milli in 0..end {
            let at = milli as usize;
            let arrive = self.requests.arrive();
            self.room.forget(self.recorder, at);
            let due = self.acts.contains_key(&at)
                || self.flights.contains_key(&at)
                || self.later.contains_key(&at);
            if arrive == 0 && !due {
                continue;
            }
            sleep_until(self.recorder.begins() + milli * MILLI).await;
            for act in self.acts.remove(&at).into_iter().flatten() {
                self.act(&act);
            }
            for flight in self.flights.remove(&at).into_iter().flatten() {
                self.room.settled(&flight);
                flight.reservation.settle(flight.costs);
            }
            for request in self.later.remove(&at).into_iter().flatten() {
                self.ask(request, at);
            }
            for _ in 0..arrive {
                let request = self.requests.next();
                self.ask(request, at);
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Cut(place, cut) => self.network.cut(place, cut),
            Act::Down(down) => self.network.set_down(down),
            Act::Pause(lasts) => self.network.pause(Instant::now() + lasts),
            Act::Empty => self.network.empty(),
            Act::Jump(seconds) => self.network.jump(seconds),
            Act::Crash(place) => self.fleet.start(place),
        }
    }

    fn ask(&mut self, mut request: Request, at: usize) {
        let Some(instance) = self.fleet.at(request.place) else {
            return;
        };
        let now = Instant::now();
        let is_first = instance.asked.is_none_or(|last| now - last >= LEASE);
        instance.asked = Some(now);
        let is_led = instance.link.is_led();
        let newly_alone = !is_led && !std::mem::replace(&mut instance.went_alone, true);
        // A clock that is slow says that it is earlier.
        let clock = now - Duration::from_secs_f64(self.scenario.lag);
        let reserved = instance.quotas[request.quota].reserve(request.reserved, clock);
        let left = reserved.as_ref().err().and_then(|not| not.reason().left());
        if let Some(left) = left.filter(|left| request.comes_back && *left <= SOON) {
            request.comes_back = false;
            let back = at + left.as_millis() as usize + 1;
            self.later.entry(back).or_default().push(request);
            return;
        }

        let admitted = reserved.is_ok();
        let has_room = self.room.has(&request);
        self.recorder.note(|log, _| {
            log.went_alone += u64::from(newly_alone);
            log.asked.add(at, 1);
            log.refused.add(at, u64::from(!admitted));
            log.refused_with_room
                .add(at, u64::from(!admitted && has_room));
            log.first.add(at, u64::from(is_first));
            let refused = is_first && !admitted && has_room;
            log.first_refused.add(at, u64::from(refused));
            for ledger in &mut log.quotas[request.quota] {
                let [asked, costs] = [request.reserved, request.costs].map(|of| ledger.unit.of(of));
                ledger.largest = ledger.largest.max(asked);
                ledger.asked.add(at, asked);
                if !is_led {
                    ledger.asked_alone.add(at, asked);
                }
                if admitted {
                    ledger.admitted.add(at, costs);
                    ledger.beyond.add(at, costs.saturating_sub(asked));
                }
            }
        });
        if let Ok(reservation) = reserved {
            self.room.admitted(&request);
            let flight = Flight {
                reservation,
                quota: request.quota,
                reserved: request.reserved,
                costs: request.costs,
            };
            let ends = at + request.takes;
            self.flights.entry(ends).or_default().push(flight);
        }
    }
}

// ===== impl Room =====

impl Room {
    fn new(scenario: &Scenario) -> Self {
        let rates = scenario.limits.rates();
        let none = vec![vec![0; rates.len()]; scenario.quotas];
        Self {
            admitted: none.clone(),
            reserved: none,
            rates,
        }
    }

    fn has(&self, request: &Request) -> bool {
        let quota = request.quota;
        let mut rates = self.rates.iter().enumerate();
        rates.all(|(rate, (unit, limit))| {
            let used = self.admitted[quota][rate] + self.reserved[quota][rate];
            used + unit.of(request.reserved) <= *limit
        })
    }

    fn admitted(&mut self, request: &Request) {
        for (rate, (unit, _)) in self.rates.iter().enumerate() {
            let [asked, costs] = [request.reserved, request.costs].map(|of| unit.of(of));
            self.admitted[request.quota][rate] += costs;
            self.reserved[request.quota][rate] += asked.saturating_sub(costs);
        }
    }

    fn settled(&mut self, flight: &Flight) {
        for (rate, (unit, _)) in self.rates.iter().enumerate() {
            let [asked, costs] = [flight.reserved, flight.costs].map(|of| unit.of(of));
            self.reserved[flight.quota][rate] -= asked.saturating_sub(costs);
        }
    }

    /// What was admitted 62 seconds ago counts no more.
    fn forget(&mut self, recorder: &Recorder, at: usize) {
        let Some(then) = at.checked_sub(COUNTED) else {
            return;
        };
        recorder.note(|log, _| {
            for (rates, ledgers) in self.admitted.iter_mut().zip(&log.quotas) {
                for (admitted, ledger) in rates.iter_mut().zip(ledgers) {
                    *admitted -= ledger.admitted.within(then..then + 1);
                }
            }
        });
    }
}
