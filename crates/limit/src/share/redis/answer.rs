use crate::share::{Answer, Granted, StoreError};
use std::time::Duration;

/// Reads what the script has returned for a quota of so many rates.
pub(super) fn read(numbers: &[i64], rates: usize) -> Result<Answer, StoreError> {
    let mut numbers = numbers.iter().map(|number| u64::try_from(*number).ok());
    let mut next = || {
        let other = || StoreError::new("the script's answer is not what it should be");
        numbers.next().flatten().ok_or_else(other)
    };
    let memory = next()?;
    let mut answer = Answer::new(next()?);
    answer.memory = memory;
    answer.rest = Duration::from_micros(next()?);
    answer.slots = next()?;
    for _ in 0..rates {
        answer.rates.push(Granted::new(next()?, next()?, next()?));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_its_order() {
        let answer = read(&[7, 2, 1_500_000, 3, 10, 99, 50], 1).unwrap();
        assert_eq!((answer.memory, answer.instances, answer.slots), (7, 2, 3));
        assert_eq!(answer.rest, Duration::from_millis(1500));
        assert_eq!(answer.rates, [Granted::new(10, 99, 50)]);
        assert!(read(&[7, 2, 0, 0, 1], 1).is_err(), "too short");
        assert!(read(&[7, 2, 0, 0, -1, 99, 50], 1).is_err(), "below nothing");
    }
}
