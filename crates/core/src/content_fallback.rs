/// Another group is left for what the content policy withholds in this one.
///
/// An extension of the request, put there by whoever goes from group to group. Whoever hands answers on and can
/// read them then finds out first whether one was withheld, though its status is 200, and leaves a verdict of
/// [`ContentRefused`](crate::Outcome::ContentRefused) on one that was. Without it nobody would be asked instead:
/// such an answer is what the client gets, and there is no reason to hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentFallback;
