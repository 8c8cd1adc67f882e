use crate::share::{Answer, Decision, Granted, StoreError};
use std::time::Duration;

/// Reads what the script has returned for a quota of so many rates, and so many requests that wait.
pub(super) fn read(numbers: &[i64], rates: usize, requests: usize) -> Result<Answer, StoreError> {
    let other = || StoreError::new("the script's answer is not what it should be");
    let mut numbers = numbers.iter().map(|number| u64::try_from(*number).ok());
    let mut next = || numbers.next().flatten().ok_or_else(other);
    let memory = next()?;
    let mut answer = Answer::new(next()?);
    answer.memory = memory;
    answer.rest = Duration::from_micros(next()?);
    answer.slots = next()?;
    for _ in 0..rates {
        let granted = Granted::new(next()?, next()?, next()?);
        let [one, need] = [next()?, next()?].map(Duration::from_micros);
        answer.rates.push(granted.fits(one, need));
    }
    for _ in 0..requests {
        let which = usize::try_from(next()?).map_err(|_| other())?;
        let left = Duration::from_micros(next()?);
        answer.decisions.push(match which.checked_sub(1) {
            None => Decision::Admitted,
            Some(rate) if rate < rates => Decision::Used { rate, left },
            Some(_) => Decision::Full,
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_its_order() {
        let requests = [0, 0, 1, 2_500_000, 2, 0];
        let numbers = [
            [7, 2, 1_500_000, 3, 10, 99, 50, 0, 800].as_slice(),
            &requests,
        ]
        .concat();
        let answer = read(&numbers, 1, 3).unwrap();
        assert_eq!((answer.memory, answer.instances, answer.slots), (7, 2, 3));
        assert_eq!(answer.rest, Duration::from_millis(1500));
        let granted = Granted::new(10, 99, 50).fits(Duration::ZERO, Duration::from_micros(800));
        assert_eq!(answer.rates, [granted]);
        let used = Decision::Used {
            rate: 0,
            left: Duration::from_millis(2500),
        };
        let decisions = [Decision::Admitted, used, Decision::Full];
        assert_eq!(answer.decisions, decisions);
        assert!(read(&[7, 2, 0, 0, 1], 1, 0).is_err(), "too short");
        assert!(read(&numbers, 1, 4).is_err(), "too short");
        assert!(
            read(&[7, 2, 0, 0, -1, 99, 50, 0, 0], 1, 0).is_err(),
            "below nothing"
        );
    }
}
