/// Among a request's extensions: the tokens a stream has used are to be asked for, even where the client has
/// not asked.
///
/// Written by the edge, read by whoever knows the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskUsage;

/// Among a response's extensions: the usage in this stream was asked for by us, and is not for the client.
///
/// Written by whoever has asked, read by who hands a stream on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HideUsage;
