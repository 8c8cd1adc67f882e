/// A request body in which the name of the model can be set without rewriting the rest.
///
/// A deployment knows its model by another name than the client does. The body that comes in knows where in
/// its bytes that name stands; this makes the body that goes out to one deployment.
pub trait WithModel {
    /// The body that goes out.
    type Body;

    /// This body with `model` in place of the name the client wrote, or added where it wrote none.
    fn with_model(self, model: &str) -> Self::Body;

    /// Has the body that goes out ask for the tokens that a stream uses; false if it does so by itself, or
    /// cannot. By default it cannot.
    fn ask_usage(&mut self) -> bool {
        false
    }
}
