use crate::{
    ErrorObject,
    json::{Fault, Kind},
};
use std::{error::Error, fmt};

/// A request body that cannot be taken: what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    problem: Problem,
    param: Option<&'static str>,
    offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    NotUtf8,
    NotJson {
        expected: &'static str,
    },
    NotAnObject {
        found: Kind,
    },
    NotMultipart {
        expected: &'static str,
    },
    Duplicate,
    Type {
        wanted: &'static str,
        found: &'static str,
    },
    Value {
        wanted: &'static str,
    },
}

// ===== impl InvalidRequest =====

impl InvalidRequest {
    /// The parameter at fault, if it is one.
    #[must_use]
    pub const fn param(&self) -> Option<&'static str> {
        self.param
    }

    /// A word for machines: `invalid_json`, `invalid_multipart`, `duplicate_parameter`, `invalid_type` or
    /// `invalid_value`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.problem {
            Problem::NotUtf8 | Problem::NotJson { .. } => "invalid_json",
            Problem::NotMultipart { .. } => "invalid_multipart",
            Problem::Duplicate => "duplicate_parameter",
            Problem::NotAnObject { .. } | Problem::Type { .. } => "invalid_type",
            Problem::Value { .. } => "invalid_value",
        }
    }

    /// The offset in the body at which it was found.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    pub(super) const fn not_utf8(offset: usize) -> Self {
        Self::body(Problem::NotUtf8, offset)
    }

    pub(super) const fn not_an_object(found: Kind, offset: usize) -> Self {
        Self::body(Problem::NotAnObject { found }, offset)
    }

    pub(super) const fn not_multipart(expected: &'static str, offset: usize) -> Self {
        Self::body(Problem::NotMultipart { expected }, offset)
    }

    pub(super) const fn duplicate(param: &'static str, offset: usize) -> Self {
        Self {
            problem: Problem::Duplicate,
            param: Some(param),
            offset,
        }
    }

    pub(super) const fn wrong_type(
        param: &'static str,
        wanted: &'static str,
        found: &'static str,
        offset: usize,
    ) -> Self {
        Self {
            problem: Problem::Type { wanted, found },
            param: Some(param),
            offset,
        }
    }

    pub(super) const fn wrong_value(
        param: &'static str,
        wanted: &'static str,
        offset: usize,
    ) -> Self {
        Self {
            problem: Problem::Value { wanted },
            param: Some(param),
            offset,
        }
    }

    const fn body(problem: Problem, offset: usize) -> Self {
        Self {
            problem,
            param: None,
            offset,
        }
    }
}

impl From<Fault> for InvalidRequest {
    fn from(Fault { at, expected }: Fault) -> Self {
        Self::body(Problem::NotJson { expected }, at)
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let param = self.param.unwrap_or("the request body");
        match self.problem {
            Problem::NotUtf8 => f.write_str("the request body must be JSON encoded as UTF-8")?,
            Problem::NotJson { expected } => {
                write!(f, "the request body is not valid JSON: expected {expected}")?;
            }
            Problem::NotAnObject { found } => {
                write!(
                    f,
                    "the request body must be a JSON object, not {}",
                    found.a()
                )?;
            }
            Problem::NotMultipart { expected } => {
                write!(
                    f,
                    "the request body is not valid multipart/form-data: expected {expected}"
                )?;
            }
            Problem::Duplicate => write!(f, "`{param}` is given more than once: send it once")?,
            Problem::Type { wanted, found } => {
                write!(f, "`{param}` must be {wanted}, not {found}")?;
            }
            Problem::Value { wanted } => write!(f, "`{param}` must be {wanted}")?,
        }
        write!(f, " (at byte {})", self.offset)
    }
}

impl Error for InvalidRequest {}

/// To be sent with status 400.
impl From<InvalidRequest> for ErrorObject {
    fn from(invalid: InvalidRequest) -> Self {
        let error =
            Self::new("invalid_request_error", invalid.to_string()).with_code(invalid.code());
        match invalid.param {
            Some(param) => error.with_param(param),
            None => error,
        }
    }
}
