use crate::{Candidates, Members, Picker, picker::Dice};
use headworks_core::{DeploymentId, Why};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Chooses each in turn.
///
/// The members stand in a queue; the first of them that is a candidate is chosen and goes to the end. While
/// all are candidates that is the order of the group over and over. Whoever is out keeps its turn and has
/// it when it is back, so the counts of those who stay candidates never differ by more than one, whatever
/// happens around them, and no pattern of requests and exclusions passes the same one over for ever. A
/// shared cursor can promise neither: it gives the turns of whoever is out to the one who stands next, or,
/// over a shortened list, skips the healthy in step with the pattern.
///
/// Whoever takes no requests for now steps aside, so that a choice does not step over hundreds who rest; a few
/// of them are looked at on each choice, and all before it is said that nobody takes the request.
///
/// Each starts at random, or the first requests of many instances of a gateway would all meet the first of the
/// group; from then on chance has no part in it.
///
/// Exact under concurrency: a turn is taken under a short lock. A newcomer stands last. Whoever starts slowly
/// lets some of its turns go.
#[derive(Debug, Default)]
pub struct RoundRobin {
    dice: Dice,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    version: u64,
    /// Places, whose turn it is first.
    turns: VecDeque<u32>,
    /// Those who took no requests when it was their turn, which they still have.
    aside: VecDeque<u32>,
    /// Who stands at each place.
    ids: Vec<DeploymentId>,
}

/// How many of those who stand aside are looked at on each choice.
const LOOKS: usize = 16;

// ===== impl RoundRobin =====

impl RoundRobin {
    /// Starts anywhere in the group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the same choices in the same order each time, for tests and simulations.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            dice: Dice::seeded(seed),
            queue: Mutex::default(),
        }
    }
}

impl Picker for RoundRobin {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let mut queue = self.queue.lock();
        queue.follow(candidates.members(), &self.dice);
        // After a round in which all have let their turn go, the next one takes it.
        for _ in candidates.places() {
            let (turn, place) = queue.first(candidates)?;
            queue.send_to_the_end(turn);
            let ramp = candidates.members().list()[place].ramp();
            if ramp >= 1.0 || self.dice.unit() < ramp {
                return Some(place);
            }
        }
        let (turn, place) = queue.first(candidates)?;
        queue.send_to_the_end(turn);
        Some(place)
    }

    fn why(&self) -> Why {
        Why::new("round robin")
    }
}

// ===== impl Queue =====

impl Queue {
    /// Those who stay keep their order, newcomers stand last; where all are new, the group begins anywhere.
    fn follow(&mut self, members: &Members, dice: &Dice) {
        if self.version == members.version() {
            return;
        }
        let before: HashMap<_, _> = (0..)
            .zip(self.aside.iter().chain(&self.turns))
            .map(|(turn, place)| (&self.ids[*place as usize], turn))
            .collect();
        let turn = |place: &u32| before.get(members.list()[*place as usize].id()).copied();
        let mut places: Vec<u32> = (0..).zip(members).map(|(place, _)| place).collect();
        // A stable sort: newcomers stay in the order of the group.
        places.sort_by_key(|place| turn(place).unwrap_or(usize::MAX));
        if self.ids.is_empty() && !places.is_empty() {
            let start = dice.below(places.len());
            places.rotate_left(start);
        }
        self.turns = places.into();
        self.aside.clear();
        // For as many as may ever stand there: a choice allocates nothing.
        self.aside.reserve(members.len());
        self.ids = members.iter().map(|member| member.id().clone()).collect();
        self.version = members.version();
    }

    /// The first candidate, and where it stands.
    fn first(&mut self, candidates: &Candidates<'_>) -> Option<(usize, usize)> {
        self.call_back(candidates.members(), LOOKS);
        self.step_to_first(candidates).or_else(|| {
            self.call_back(candidates.members(), usize::MAX);
            self.step_to_first(candidates)
        })
    }

    fn step_to_first(&mut self, candidates: &Candidates<'_>) -> Option<(usize, usize)> {
        let mut turn = 0;
        while let Some(place) = self.turns.get(turn) {
            let place = *place as usize;
            if candidates.contains(place) {
                return Some((turn, place));
            }
            if candidates.members().list()[place].check().is_ok() {
                // It is only not for this request.
                turn += 1;
            } else {
                let place = self.turns.remove(turn);
                self.aside.extend(place);
            }
        }
        None
    }

    /// Looks at as many of those who stand aside: who takes requests again has its turn next.
    fn call_back(&mut self, members: &Members, most: usize) {
        let mut back = 0;
        for _ in 0..most.min(self.aside.len()) {
            let Some(place) = self.aside.pop_front() else {
                return;
            };
            if members.list()[place as usize].check().is_ok() {
                self.turns.insert(back, place);
                back += 1;
            } else {
                self.aside.push_back(place);
            }
        }
    }

    fn send_to_the_end(&mut self, turn: usize) {
        let place = self.turns.remove(turn);
        self.turns.extend(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picker::test_util::{chi_squared_fits, open, picks, request, shut, weighted};
    use std::{thread, time::Duration};

    #[test]
    fn it_goes_round_in_the_order_of_the_group() {
        let (robin, group, request) = (RoundRobin::new(), weighted(&[1.0; 3]), request(&[]));
        let pick = || robin.pick(&group.candidates(&request)).unwrap();
        let first = pick();
        for turn in 1..7 {
            assert_eq!(pick(), (first + turn) % 3);
        }
    }

    #[test]
    fn it_starts_anywhere_and_with_the_same_seed_at_the_same_place() {
        let (group, request) = (weighted(&[1.0; 10]), request(&[]));
        let first = |robin: &RoundRobin| robin.pick(&group.candidates(&request)).unwrap();
        let mut counts = [0; 10];
        for seed in 0..1_000 {
            let place = first(&RoundRobin::seeded(seed));
            assert_eq!(place, first(&RoundRobin::seeded(seed)));
            counts[place] += 1;
        }
        chi_squared_fits(&counts, &[1.0; 10]);
    }

    #[test]
    fn it_is_exact_under_concurrency() {
        let (robin, group) = (RoundRobin::new(), weighted(&[1.0; 7]));
        let counts = thread::scope(|scope| {
            let run = || picks(&robin, &group, &request(&[]), 7_000);
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            let counts = runs.into_iter().map(|run| run.join().unwrap());
            counts.reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect())
        });
        assert_eq!(counts.unwrap(), [4_000; 7]);
    }

    #[test]
    fn the_turns_of_one_who_rests_go_to_all_others_alike() {
        let (robin, group) = (RoundRobin::new(), weighted(&[1.0; 4]));
        shut(&group, 1);
        assert_eq!(
            picks(&robin, &group, &request(&[]), 300),
            [100, 0, 100, 100]
        );
        open(&group, 1);
        assert_eq!(picks(&robin, &group, &request(&[]), 400), [100; 4]);
    }

    #[test]
    fn of_many_who_rest_each_has_its_turn_soon_after_it_is_back() {
        let (robin, group) = (RoundRobin::new(), weighted(&[1.0; 1000]));
        (0..999).for_each(|place| shut(&group, place));
        let request = request(&[]);
        assert_eq!(picks(&robin, &group, &request, 100)[999], 100);
        (0..999).for_each(|place| open(&group, place));
        // Of 999 sixteen are looked at on each choice.
        let counts = picks(&robin, &group, &request, 63 + 1000);
        assert!(counts.iter().all(|count| (1..=2).contains(count)));
        (0..1000).for_each(|place| shut(&group, place));
        assert_eq!(robin.pick(&group.candidates(&request)), None);
        open(&group, 500);
        assert_eq!(robin.pick(&group.candidates(&request)), Some(500));
    }

    #[test]
    fn retries_do_not_starve_anybody() {
        let (robin, group) = (RoundRobin::new(), weighted(&[1.0; 3]));
        // Whoever is chosen first fails, and the request goes on to another.
        let mut counts = [0; 3];
        for _ in 0..3000 {
            let first = robin.pick(&group.candidates(&request(&[]))).unwrap();
            let tried = first.to_string();
            let second = robin.pick(&group.candidates(&request(&[&tried]))).unwrap();
            assert_ne!(first, second);
            counts[first] += 1;
            counts[second] += 1;
        }
        assert_eq!(counts, [2000; 3]);
    }

    #[test]
    fn alternating_exclusions_do_not_starve_anybody() {
        let (robin, group) = (RoundRobin::new(), weighted(&[1.0; 3]));
        let mut counts = [0; 3];
        for step in 0..3000 {
            let request = request(if step % 2 == 0 { &["2"] } else { &["0"] });
            counts[robin.pick(&group.candidates(&request)).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| (990..=1010).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn those_who_stay_keep_their_turns_when_the_group_changes() {
        use crate::{Endpoint, Registry};
        let robin = RoundRobin::new();
        let registry: Registry<()> = ["a", "b", "c"]
            .map(|id| Endpoint::new(id, ()))
            .into_iter()
            .collect();
        let pick = || {
            let snapshot = registry.snapshot();
            let place = robin
                .pick(&snapshot.members().candidates(&request(&[])))
                .unwrap();
            snapshot.members().list()[place].id().as_str().to_owned()
        };
        while pick() != "c" {}
        assert_eq!([pick(), pick()], ["a", "b"]);
        registry.insert(Endpoint::new("d", ()).slow_start(Duration::ZERO));
        registry.remove("a");
        assert_eq!([pick(), pick(), pick(), pick()], ["c", "b", "d", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_starts_slowly_lets_turns_go() {
        let robin = RoundRobin::new();
        let group = weighted(&[1.0; 3]);
        group.get(1).unwrap().state().start_slowly();
        tokio::time::advance(Duration::from_secs(2)).await;
        let counts = picks(&robin, &group, &request(&[]), 24_000);
        assert!(counts[0].abs_diff(counts[2]) <= 1, "{counts:?}");
        assert!((3_600..=4_400).contains(&counts[1]), "{counts:?}");
        // Even when nobody takes its whole share, somebody takes the request.
        for member in &group {
            member.state().start_slowly();
        }
        assert_eq!(
            picks(&robin, &group, &request(&[]), 30).iter().sum::<u32>(),
            30
        );
    }

    #[test]
    fn those_who_stay_have_their_turns_exactly_whoever_comes_and_goes() {
        use crate::{Endpoint, Registry};
        let robin = RoundRobin::new();
        let endpoint = |id: &str| Endpoint::new(id, ()).slow_start(Duration::ZERO);
        let registry: Registry<()> = ["a", "b", "c"].map(endpoint).into_iter().collect();
        let mut rng = fastrand::Rng::with_seed(7);
        let mut counts = HashMap::from(["a", "b", "c"].map(|id| (DeploymentId::from(id), 0)));
        for _ in 0..10_000 {
            let id = ["x", "y", "z"][rng.usize(..3)];
            match rng.u8(..10) {
                0 => drop(registry.insert(endpoint(id))),
                1 => drop(registry.remove(id)),
                2 => drop(registry.insert(endpoint("b"))),
                _ => {}
            }
            let snapshot = registry.snapshot();
            let members = snapshot.members();
            let place = robin.pick(&members.candidates(&request(&[]))).unwrap();
            if let Some(count) = counts.get_mut(members.list()[place].id()) {
                *count += 1;
            }
            let (least, most) = (counts.values().min(), counts.values().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{counts:?}");
        }
    }
}
