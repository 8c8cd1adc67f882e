//! What a provider says of a day, in a window that lets go of nothing before it is over.

use super::*;

const HOUR: u64 = 60 * MINUTE;
/// Half past ten.
const MORNING: u64 = NOW - 12 * HOUR;

#[test]
fn what_a_provider_says_of_a_day_is_believed_for_as_long_as_it_says_and_an_hour_at_most() {
    let day = |remaining, reset| {
        let mut told = Told::new(Unit::Requests, Period::Day, remaining);
        told.reset = reset;
        told
    };
    let left = |books: &mut Books, now| match books.reserve(Tokens::NONE, false, now) {
        Err(Reason::LimitReached { left, .. }) => left.as_secs(),
        other => panic!("{other:?}"),
    };
    for (reset, lasts) in [(Some(180), 180), (Some(9 * 3600), 3600), (None, 3600)] {
        let mut books = books(Limits::new().rpd(100));
        books.reserve(Tokens::NONE, false, MORNING).unwrap();
        books.told(day(0, reset.map(Duration::from_secs)), MORNING);
        assert_eq!(left(&mut books, MORNING), lasts);
        let later = MORNING + lasts * SECOND;
        assert!(books.standing(later - 1).is_err());
        assert!(books.standing(later).is_ok());
        assert_eq!(
            used(&mut books, Unit::Requests, later),
            1,
            "what was used here stays"
        );
        // It is said again.
        books.told(day(2, None), later);
        assert_eq!(requests(&mut books, later, 10), 2);
        assert_eq!(requests(&mut books, later + HOUR, 200), 97);
    }
    // What was used here is used until the day is over, whatever has been said beside.
    let mut books = books(Limits::new().rpd(100));
    assert_eq!(requests(&mut books, MORNING, 200), 100);
    books.told(day(0, Some(Duration::from_secs(1))), MORNING);
    assert!(left(&mut books, MORNING) > 3600);
}

#[test]
fn what_was_said_yesterday_takes_nothing_of_today() {
    let midnight = NOW - NOW % (24 * HOUR) + 24 * HOUR;
    let mut books = books(Limits::new().rpd(100));
    books.told(Told::new(Unit::Requests, Period::Day, 0), midnight - 1);
    assert_eq!(requests(&mut books, midnight, 60), 60);
    books.told(
        Told::new(Unit::Requests, Period::Day, 30),
        midnight + SECOND,
    );
    let later = midnight + HOUR + SECOND;
    assert_eq!(requests(&mut books, later, 100), 40);
}
