use super::anatomy::Anatomy;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A request body on its way to a deployment: the bytes the client sent, in slices, but for the name of the
/// model and without our own parameters.
///
/// Nothing is copied but the name. A usual body is three frames: what stands before the name, the name, and
/// the rest.
#[derive(Clone, Debug)]
pub struct SplicedBody {
    bytes: Bytes,
    anatomy: Arc<Anatomy>,
    /// The model as it is to be written; `None` once it has gone out.
    model: Option<Bytes>,
    /// How far the original has been passed, and how many cuts.
    at: usize,
    cut: usize,
    left: u64,
}

// ===== impl SplicedBody =====

impl SplicedBody {
    pub(super) fn new(bytes: Bytes, anatomy: Arc<Anatomy>, model: &str) -> Self {
        let model = Bytes::from(anatomy.written(model));
        let gone: usize = anatomy.cuts.iter().map(Range::len).sum();
        let left = bytes.len() - gone - anatomy.site.len() + model.len();
        Self {
            bytes,
            anatomy,
            model: Some(model),
            at: 0,
            cut: 0,
            left: left as u64,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        loop {
            let cut = self.anatomy.cuts.get(self.cut);
            let site = self.model.as_ref().map(|_| &self.anatomy.site);
            // Where both begin at one place, behind an opening brace, the model goes first.
            let edit = match (site, cut) {
                (Some(site), Some(cut)) if cut.start < site.start => Some(cut),
                (Some(site), _) => Some(site),
                (None, cut) => cut,
            };
            let end = edit.map_or(self.bytes.len(), |edit| edit.start);
            if self.at < end {
                let slice = self.bytes.slice(self.at..end);
                self.at = end;
                return Some(slice);
            }
            let edit = edit?;
            self.at = edit.end;
            if site.is_some_and(|site| std::ptr::eq(site, edit)) {
                return self.model.take();
            }
            self.cut += 1;
        }
    }
}

impl Body for SplicedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|slice| {
            self.left -= slice.len() as u64;
            Ok(Frame::data(slice))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
