use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Does some work for each of these, on as many threads as there are cores. It is begun in their order, and the results
/// are in it too.
///
/// # Errors
///
/// The first that some work ends with.
///
/// # Panics
///
/// If some work does.
pub fn on_all_cores<T, R>(
    items: &[T],
    work: impl Fn(&T) -> io::Result<R> + Sync,
) -> io::Result<Vec<R>>
where
    T: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let one_after_the_other = || {
        let mut done = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(number)
        {
            done.push((number, work(item)?));
        }
        io::Result::Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(one_after_the_other))
            .collect();
        let mut done = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(results) => done.extend(results?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        io::Result::Ok(done)
    })?;
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_what_they_are_of() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(on_all_cores(&items, |item| Ok(*item)).unwrap(), items);
    }

    #[test]
    fn what_fails_fails_all() {
        let work = |item: &usize| match item {
            7 => Err(io::Error::other("seven")),
            item => Ok(*item),
        };
        let items: Vec<usize> = (0..10).collect();
        assert_eq!(on_all_cores(&items, work).unwrap_err().to_string(), "seven");
    }
}
