//! What the layer costs the allocator.

use headworks_alias::{AliasLayer, Aliases};
use headworks_core::RequestedModel;
use http::Request;
use std::{
    convert::Infallible,
    future::{Ready, ready},
};
use tower::{Layer, Service, service_fn};

#[test]
fn a_lookup_allocates_nothing_and_the_layer_once() {
    let aliases = Aliases::new([("gpt-4", "gpt-4o")], |_| true).unwrap();
    let (alias, other) = (
        RequestedModel::from("gpt-4"),
        RequestedModel::from("claude"),
    );
    let looked_up = allocation_counter::measure(|| {
        assert_eq!(aliases.resolve(&alias).as_str(), "gpt-4o");
        assert_eq!(aliases.resolve(&other).as_str(), "claude");
    });
    assert_eq!(looked_up.count_total, 0);

    for requested in [alias, other] {
        fn answer(_: Request<()>) -> Ready<Result<(), Infallible>> {
            ready(Ok(()))
        }
        let mut service = AliasLayer::new(aliases.clone()).layer(service_fn(answer));
        let mut request = Request::new(());
        request.extensions_mut().insert(requested);
        // Room for a second extension is there already, as it is behind an edge that has set several.
        request.extensions_mut().insert(0_u8);
        request.extensions_mut().remove::<u8>();
        let called = allocation_counter::measure(|| {
            let _answer = service.call(request);
        });
        assert_eq!(called.count_total, 1, "the extension");
    }
}
