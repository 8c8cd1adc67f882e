/// Puts a layer through the whole contract: one test for each check. See the [crate docs](crate) for the keys.
///
/// The tests run on paused time and in memory.
#[macro_export]
macro_rules! suite {
    (
        layer: $layer:expr,
        bodies: $bodies:ident,
        readiness: $readiness:ident,
        errors: $errors:ident,
        allocations: $allocations:expr,
        state: $($rest:tt)*
    ) => {
        #[test]
        fn a_clone_for_each_request_answers() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::a_clone_for_each_request(layer));
        }

        #[test]
        fn one_instance_answers_request_after_request() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::one_instance_for_all(layer));
        }

        #[test]
        fn it_answers_from_within_a_buffer() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::behind_a_buffer(layer));
        }

        #[test]
        fn it_calls_only_what_was_polled_ready() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::only_what_was_polled_ready(layer));
        }

        #[test]
        fn layer_and_service_are_clone_send_sync_and_debug() {
            $crate::checks::auto_traits(&$crate::__around!($bodies, $layer));
        }

        #[test]
        fn any_request_body_it_takes_passes() {
            $crate::__request_bodies!($bodies, $layer);
        }

        #[test]
        fn any_response_body_passes() {
            $crate::run(async {
                let layer = $crate::__around!($bodies, $layer);
                let body = $crate::ScriptedBody::good;
                $crate::checks::response_body_passes(layer, body).await;
                let layer = $crate::__around!($bodies, $layer);
                $crate::checks::response_body_passes(layer, $crate::OddBody::one_frame).await;
            });
        }

        #[test]
        fn bodies_pass_as_they_are() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::bodies_pass_as_they_are(layer));
        }

        #[test]
        fn inner_errors_are_the_source() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::inner_errors_are_the_source(layer));
        }

        #[test]
        fn what_is_dropped_ends_within() {
            let layer = $crate::__around!($bodies, $layer);
            $crate::run($crate::checks::what_is_dropped_ends_within(layer));
        }

        #[test]
        fn the_happy_path_allocates_no_more_than_it_is_granted() {
            $crate::run(async {
                let layer = $crate::__around!($bodies, $layer);
                $crate::checks::allocations_are_bounded(layer, $allocations);
            });
        }

        #[test]
        fn axum_hosts_it() {
            let layer = $crate::__host!($bodies, $layer, $crate::hosts::axum_body);
            $crate::run($crate::hosts::axum_router($crate::__handled!($errors, layer)));
        }

        #[test]
        fn hyper_hosts_it() {
            let layer = $crate::__host!($bodies, $layer, std::convert::identity);
            $crate::run($crate::hosts::hyper_server(layer));
        }

        #[test]
        fn a_tonic_client_hosts_it() {
            let layer = $crate::__host!($bodies, $layer, $crate::hosts::tonic_body);
            $crate::run($crate::hosts::tonic_client(layer));
        }

        #[test]
        fn a_tonic_server_hosts_it() {
            let layer = $crate::__host!($bodies, $layer, $crate::hosts::tonic_body);
            $crate::run($crate::hosts::tonic_server(layer));
        }

        $crate::__readiness!($readiness, $bodies, $layer);
        $crate::__state!($layer; $($rest)*);
    };
}

/// The layer as the checks take it, whose requests have a `Full` body.
#[doc(hidden)]
#[macro_export]
macro_rules! __around {
    (any, $layer:expr) => {
        ($layer)()
    };
    (cloned, $layer:expr) => {
        ($layer)()
    };
    (spliced, $layer:expr) => {
        $crate::fit::spliced(($layer)())
    };
}

/// The layer as a host takes it, whose requests have the host's body.
#[doc(hidden)]
#[macro_export]
macro_rules! __host {
    (any, $layer:expr, $body:expr) => {
        ($layer)()
    };
    (cloned, $layer:expr, $body:expr) => {
        $crate::fit::cloned(($layer)(), $body)
    };
    (spliced, $layer:expr, $body:expr) => {
        $crate::fit::spliced(($layer)())
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __handled {
    (passed_through, $layer:expr) => {
        $layer
    };
    (boxed, $layer:expr) => {
        $crate::hosts::errors_handled($layer)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __request_bodies {
    (cloned, $layer:expr) => {
        $crate::__request_bodies!(@pass cloned, $layer, full, text);
    };
    ($bodies:ident, $layer:expr) => {
        $crate::__request_bodies!(@pass $bodies, $layer, full, text, scripted, odd);
    };
    (@pass $bodies:ident, $layer:expr, $($body:ident),*) => {
        $crate::run(async {
            $(
                let layer = $crate::__around!($bodies, $layer);
                let body = $crate::bodies::$body();
                $crate::checks::request_body_passes(layer, body).await;
            )*
        })
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __readiness {
    (passed_through, $bodies:ident, $layer:expr) => {
        #[test]
        fn readiness_passes_through() {
            $crate::checks::readiness_passes_through($crate::__around!($bodies, $layer));
        }
    };
    (its_own, $bodies:ident, $layer:expr) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __state {
    ($layer:expr; none, records: $($rest:tt)*) => {
        $crate::__records!($layer; $($rest)*);
    };
    ($layer:expr; $observe:expr, records: $($rest:tt)*) => {
        #[test]
        fn two_services_of_one_layer_share_its_state() {
            $crate::run($crate::checks::state_is_shared($layer, $observe));
        }

        $crate::__records!($layer; $($rest)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __records {
    ($layer:expr; none $(,)?) => {};
    ($layer:expr; $recorded:expr $(,)?) => {
        #[test]
        fn each_outcome_is_recorded_once() {
            $crate::run($crate::checks::each_outcome_is_recorded_once(
                $layer, $recorded,
            ));
        }
    };
}
