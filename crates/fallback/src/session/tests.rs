use super::*;

const SERVER_FAULT: Failure = Failure::Outcome(Outcome::ServerFault);
const TOO_LONG: Failure = Failure::Outcome(Outcome::ContextTooLong);
const REFUSED: Failure = Failure::Outcome(Outcome::ContentRefused);

type Own = OwnFallbacks<&'static str>;

fn table() -> Fallbacks {
    Fallbacks::builder()
        .general("a", ["b", "c"])
        .context_window("a", ["large"])
        .build(|name| Some(name.into()))
        .unwrap()
}

/// A request for the group "a", and its ledger.
fn request() -> (Request<&'static str>, Attempts) {
    let ledger = Attempts::new(0);
    let mut request = Request::new("hi");
    request.extensions_mut().insert(Group::from("a"));
    request.extensions_mut().insert(ledger.clone());
    (request, ledger)
}

fn begin(request: &mut Request<&'static str>) -> Option<Session<&'static str>> {
    Session::begin(&table(), request.extensions_mut())
}

fn with(own: Own) -> (Option<Session<&'static str>>, Request<&'static str>) {
    let (mut request, _) = request();
    request.extensions_mut().insert(own);
    (begin(&mut request), request)
}

/// The groups a request goes on to if it always fails like this.
fn way(mut session: Session<&'static str>, failure: Failure) -> Vec<String> {
    let next = || session.next(failure, Instant::now());
    let hops = std::iter::from_fn(next);
    hops.map(|hop| hop.group.to_string()).collect()
}

fn hops<const N: usize>(names: [&str; N]) -> Own {
    OwnFallbacks::to(names.map(Hop::new))
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_after_the_failures_that_have_a_list_and_no_others() {
    for outcome in Outcome::ALL {
        let session = begin(&mut request().0).unwrap();
        let expected: &[&str] = match List::after(outcome) {
            Some(List::General) => &["b", "c"],
            Some(List::ContextWindow) => &["large"],
            _ => &[],
        };
        let way = way(session, Failure::Outcome(outcome));
        assert_eq!(way, expected, "{outcome:?}");
    }
    let session = begin(&mut request().0).unwrap();
    assert_eq!(way(session, Failure::UnknownGroup), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_nowhere_to_go_on_to_is_none_of_its_business() {
    let (mut nowhere, ledger) = request();
    nowhere.extensions_mut().insert(Group::from("c"));
    assert!(begin(&mut nowhere).is_none());
    ledger.plan_fallbacks(1);
    assert!(ledger.claim_fallback(), "nothing was planned for it");

    assert!(begin(&mut Request::new("without a group")).is_none());
    assert!(with(OwnFallbacks::disabled()).0.is_none());
    assert!(with(hops([])).0.is_none());
    assert!(with(hops(["a"])).0.is_none(), "it is asked first already");
}

#[tokio::test(start_paused = true)]
async fn what_a_request_brings_stands_in_for_every_list() {
    for failure in [SERVER_FAULT, TOO_LONG, REFUSED] {
        let (session, request) = with(hops(["x", "a", "x", "y"]));
        assert_eq!(way(session.unwrap(), failure), ["x", "y"]);
        assert!(request.extensions().get::<Own>().is_none(), "passed on");
    }
    let (session, _) = with(hops(["x"]));
    let failure = Failure::Outcome(Outcome::CallerFault);
    assert!(way(session.unwrap(), failure).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_request_brings_for_one_kind_of_failure_stands_in_for_that_list_alone() {
    let large = || Own::default().list(List::ContextWindow, [Hop::new("x"), Hop::new("y")]);
    let ways = |own: Own| {
        [SERVER_FAULT, TOO_LONG, REFUSED].map(|failure| {
            let session = with(own.clone()).0;
            session.map_or_else(Vec::new, |session| way(session, failure))
        })
    };
    assert_eq!(ways(large()), [vec!["b", "c"], vec!["x", "y"], vec![]]);
    // Beside groups for any failure it is the more precise.
    let own = hops(["z"]).list(List::ContextWindow, [Hop::new("x")]);
    assert_eq!(ways(own), [["z"], ["x"], ["z"]]);
    // An empty one is a list too.
    let none = Own::default().list(List::ContextWindow, []);
    assert_eq!(ways(none), [vec!["b", "c"], vec![], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn each_failure_on_the_way_asks_the_list_that_is_for_it() {
    let own = Own::default()
        .list(List::ContextWindow, [Hop::new("large").body("long")])
        .list(List::ContentPolicy, [Hop::new("lax"), Hop::new("large")]);
    let mut session = with(own).0.unwrap();
    let mut next = |failure| session.next(failure, Instant::now());
    assert_eq!(next(REFUSED), Some(Hop::new("lax")));
    assert_eq!(next(TOO_LONG), Some(Hop::new("large").body("long")));
    assert_eq!(next(REFUSED), None, "both have been asked");
    assert_eq!(next(SERVER_FAULT), Some(Hop::new("b")));
}

#[tokio::test(start_paused = true)]
async fn a_request_may_bring_a_number_and_leave_the_lists_in_place() {
    let (session, _) = with(OwnFallbacks::default().max(1));
    assert_eq!(way(session.unwrap(), SERVER_FAULT), ["b"]);
    let names: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let many = OwnFallbacks::to(names.iter().map(|name| Hop::new(&**name)));
    let (session, _) = with(many.clone());
    assert_eq!(way(session.unwrap(), SERVER_FAULT).len(), 5);
    let (session, _) = with(many.max(99));
    assert_eq!(way(session.unwrap(), SERVER_FAULT).len(), 64);
}

#[tokio::test(start_paused = true)]
async fn each_hop_is_taken_from_the_ledger_and_none_from_the_further_attempts() {
    let (mut request, ledger) = request();
    let mut session = begin(&mut request).unwrap();
    assert!(session.may_continue());
    assert!(session.next(SERVER_FAULT, Instant::now()).is_some());
    assert_eq!((ledger.fallbacks(), ledger.fallbacks_left()), (1, 4));
    while ledger.claim_fallback() {}
    assert!(!session.may_continue());
    assert!(session.next(SERVER_FAULT, Instant::now()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_ledger_is_given_one_for_all_its_groups() {
    let mut request = Request::new("hi");
    request.extensions_mut().insert(Group::from("a"));
    assert!(begin(&mut request).is_some());
    let ledger: &Attempts = request.extensions().get().unwrap();
    assert_eq!((ledger.left(), ledger.fallbacks_left()), (2, 5));
}

#[tokio::test(start_paused = true)]
async fn no_group_is_asked_at_or_after_the_deadline() {
    let (mut request, ledger) = request();
    let now = Instant::now();
    let second = Duration::from_secs(1);
    ledger.shorten_deadline(now + second);
    let mut session = begin(&mut request).unwrap();
    assert!(session.next(SERVER_FAULT, now + second).is_none());
    assert_eq!(ledger.fallbacks(), 0);
    assert!(session.next(SERVER_FAULT, now).is_some());
}

#[tokio::test(start_paused = true)]
async fn all_but_the_last_group_are_asked_not_to_wait() {
    let patience = |request: &Request<&str>| {
        let retries: Option<&Retries> = request.extensions().get();
        retries.and_then(|retries| retries.longest_wait)
    };
    let (mut original, _) = request();
    let mut retries = Retries::default();
    (retries.further, retries.longest_wait) = (Some(3), Some(Duration::from_secs(9)));
    original.extensions_mut().insert(retries);
    let mut session = begin(&mut original).unwrap();
    for (group, longest_wait) in [("a", 0), ("b", 0), ("c", 9)] {
        let mut request = original.clone();
        session.address(&mut request);
        assert_eq!(request.extensions().get(), Some(&Group::from(group)));
        assert_eq!(patience(&request), Some(Duration::from_secs(longest_wait)));
        let retries: &Retries = request.extensions().get().unwrap();
        assert_eq!(retries.further, Some(3));
        session.next(SERVER_FAULT, Instant::now());
    }

    // Another model's context window is no reason not to wait for this one's quota.
    let table = Fallbacks::builder().context_window("a", ["large"]);
    let table = table.build(|name| Some(name.into())).unwrap();
    let (mut request, _) = request();
    let session: Session<&str> = Session::begin(&table, request.extensions_mut()).unwrap();
    session.address(&mut request);
    assert_eq!(patience(&request), None);
}

#[tokio::test(start_paused = true)]
async fn a_request_says_while_a_group_is_left_for_what_is_withheld() {
    let says = |session: &Session<&'static str>| {
        let mut request = request().0;
        session.address(&mut request);
        request.extensions().get::<ContentFallback>().is_some()
    };
    let other = with(hops([]).list(List::General, [Hop::new("b")])).0;
    assert!(!says(&other.unwrap()), "no group is for that");

    let own = || Own::default().list(List::ContentPolicy, [Hop::new("x"), Hop::new("y")]);
    let mut session = with(own()).0.unwrap();
    for (left, next) in [(true, Some("x")), (true, Some("y")), (false, None)] {
        assert_eq!(says(&session), left, "before {next:?}");
        let hop = session.next(REFUSED, Instant::now());
        assert_eq!(hop.map(|hop| hop.group.to_string()).as_deref(), next);
    }

    let mut session = with(own().max(1)).0.unwrap();
    assert!(says(&session));
    session.next(REFUSED, Instant::now());
    assert!(!says(&session), "it may go to one group and no further");
}
