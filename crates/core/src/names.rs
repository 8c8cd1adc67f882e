use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A shared string: cloning counts a reference and allocates nothing.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl From<Arc<str>> for $name {
            fn from(name: Arc<str>) -> Self {
                Self(name)
            }
        }

        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name! {
    /// What the client asked for, as it wrote it: the name of a group or an alias of one.
    ///
    /// An extension of the request.
    RequestedModel
}

name! {
    /// A group: the deployments that answer to one `model_name`.
    ///
    /// As an extension of the request it is the canonical group, after aliases: limits, fallbacks and
    /// metrics all go by it.
    Group
}

name! {
    /// One place that can answer for a group. Everything known of a deployment is kept under its id, which
    /// stays the same over restarts and reloads.
    ///
    /// As an extension of a response it names the deployment that answered.
    DeploymentId
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_map_of_names_is_searched_with_a_plain_str() {
        let map = HashMap::from([(Group::from("gpt-4o"), 1)]);
        assert_eq!(map.get("gpt-4o"), Some(&1));
    }
}
