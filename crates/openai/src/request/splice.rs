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
/// model, without our own parameters, and asking for the usage of a stream if that is wanted.
///
/// Nothing is copied but the name. A usual body is three frames: what stands before the name, the name, and
/// the rest.
#[derive(Clone, Debug)]
pub struct SplicedBody {
    bytes: Bytes,
    anatomy: Arc<Anatomy>,
    /// The model as it is to be written; `None` once it has gone out.
    model: Option<Bytes>,
    /// What asks for usage is still to go out.
    asks: bool,
    /// How far the original has been passed, and how many cuts.
    at: usize,
    cut: usize,
    left: u64,
}

/// A place where the body differs from what the client sent.
#[derive(Clone, Copy)]
enum Edit {
    Model,
    Asking(&'static str),
    Cut,
}

// ===== impl SplicedBody =====

impl SplicedBody {
    pub(super) fn new(bytes: Bytes, anatomy: Arc<Anatomy>, model: &str, asks: bool) -> Self {
        let model = Bytes::from(anatomy.written(model));
        let gone: usize = anatomy.cuts.iter().map(Range::len).sum();
        let mut left = bytes.len() - gone - anatomy.site.len() + model.len();
        let asking = anatomy.asking.as_ref().filter(|_| asks);
        if let Some(asking) = asking {
            left = left - asking.site.len() + asking.text.len();
        }
        Self {
            asks: asking.is_some(),
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
            let edit = self.edit();
            let end = edit
                .as_ref()
                .map_or(self.bytes.len(), |(_, site)| site.start);
            if self.at < end {
                let slice = self.bytes.slice(self.at..end);
                self.at = end;
                return Some(slice);
            }
            let (edit, site) = edit?;
            self.at = site.end;
            match edit {
                Edit::Model => return self.model.take(),
                Edit::Asking(text) => {
                    self.asks = false;
                    return Some(Bytes::from_static(text.as_bytes()));
                }
                Edit::Cut => self.cut += 1,
            }
        }
    }

    /// The next place to be edited.
    fn edit(&self) -> Option<(Edit, Range<usize>)> {
        let Anatomy {
            site, asking, cuts, ..
        } = &*self.anatomy;
        let model = self.model.as_ref().map(|_| (Edit::Model, site));
        let asking = asking.as_ref().filter(|_| self.asks);
        let asking = asking.map(|asking| (Edit::Asking(asking.text), &asking.site));
        let cut = cuts.get(self.cut).map(|cut| (Edit::Cut, cut));
        // Of those that begin at one place, behind an opening brace, the first of these goes first.
        let edits = [model, asking, cut].into_iter().flatten();
        let (edit, site) = edits.min_by_key(|(_, site)| site.start)?;
        Some((edit, site.clone()))
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
