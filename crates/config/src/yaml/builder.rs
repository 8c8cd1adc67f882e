use super::{Document, Entry, Fault, Map, Node, Scalar, Value};
use crate::{location::Mark, quote};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::collections::HashMap;

/// Builds the tree from the parser's events, with a stack of its own.
pub(crate) struct Builder {
    file: usize,
    open: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    document: Document,
    documents: usize,
}

/// A collection that has begun and not ended.
struct Frame {
    mark: Mark,
    anchor: usize,
    /// Nodes counted when it began, to know how many it holds.
    nodes: usize,
    /// The deepest level reached inside, counted from the root.
    deepest: usize,
    kind: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map {
        map: Map,
        key: Option<(String, Mark, bool)>,
        merges: Vec<Node>,
    },
}

struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// Deeper than any configuration, shallow enough for recursion over the tree.
const MAX_DEPTH: usize = 64;

/// What aliases may expand a file to. The largest configurations known have some ten thousand values; nine
/// levels of ten aliases each, the well-known "billion laughs", have 10⁹.
const MAX_NODES: usize = 500_000;

fn syntax(error: &ScanError, file: usize) -> Fault {
    let at = error.marker();
    let (line, column) = (at.line().saturating_sub(1), at.col());
    Fault {
        mark: Mark {
            file,
            line,
            column,
            end_line: line,
            end_column: column + 1,
        },
        message: format!("this is not YAML: {}", error.info()),
        help: "the mistake may stand on the line before: check indentation, brackets and quotes",
    }
}

// ===== impl Builder =====

impl Builder {
    pub(crate) fn new(file: usize) -> Self {
        Self {
            file,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            document: Document::default(),
            documents: 0,
        }
    }

    pub(crate) fn build(mut self, text: &str) -> Document {
        for event in Parser::new_from_str(text) {
            let step = match event {
                Ok((event, span)) => self.event(event, span),
                Err(error) => Err(syntax(&error, self.file)),
            };
            if let Err(fault) = step {
                self.document.faults.push(fault);
                self.document.root = None;
                return self.document;
            }
        }
        self.document.complete = true;
        self.document
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let mark = self.mark(span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Fault {
                        mark,
                        message: "a second document begins here".to_owned(),
                        help: "one file is one configuration; use `include` to join several",
                    });
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain =
                    matches!(style, ScalarStyle::Plain) && self.resolves(mark, tag.as_deref());
                let value = Value::Scalar(Scalar::new(text.into_owned(), plain));
                self.count(1, mark)?;
                self.complete(Node { mark, value }, anchor, 1, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.resolves(mark, tag.as_deref());
                self.open(mark, anchor, Collection::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.resolves(mark, tag.as_deref());
                let kind = Collection::Map {
                    map: Map::default(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(mark, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    return Err(Fault {
                        mark,
                        message: "an anchor is used inside of itself".to_owned(),
                        help: "a configuration has an end: repeat the values instead",
                    });
                };
                let (nodes, depth) = (anchored.nodes, anchored.depth);
                self.count(nodes, mark)?;
                self.deepen(depth, mark)?;
                let node = self.anchors[&anchor].node.clone();
                self.complete(node, 0, nodes, depth)
            }
        }
    }

    fn mark(&self, span: Span) -> Mark {
        Mark {
            file: self.file,
            line: span.start.line().saturating_sub(1),
            column: span.start.col(),
            end_line: span.end.line().saturating_sub(1),
            end_column: span.end.col(),
        }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Fault {
                mark,
                message: format!("the file comes to more than {MAX_NODES} values here"),
                help: "anchors that repeat anchors multiply; write out what is meant",
            });
        }
        Ok(())
    }

    /// Refuses what would reach too deep, with `levels` more below the open collections.
    fn deepen(&mut self, levels: usize, mark: Mark) -> Result<(), Fault> {
        let deepest = self.open.len() + levels;
        if deepest > MAX_DEPTH {
            return Err(Fault {
                mark,
                message: format!("nested deeper than {MAX_DEPTH} levels"),
                help: "no setting is this deep: check the indentation",
            });
        }
        if let Some(frame) = self.open.last_mut() {
            frame.deepest = frame.deepest.max(deepest);
        }
        Ok(())
    }

    /// Whether a plain scalar's type follows from its text; reports tags that nothing here understands.
    fn resolves(&mut self, mark: Mark, tag: Option<&Tag>) -> bool {
        match tag {
            None => true,
            Some(tag) if tag.is_yaml_core_schema() => tag.suffix != "str",
            Some(tag) => {
                self.document.faults.push(Fault {
                    mark,
                    message: format!("the tag `{}{}` means nothing here", tag.handle, tag.suffix),
                    help: "remove the tag; values are plain YAML",
                });
                true
            }
        }
    }

    fn open(&mut self, mark: Mark, anchor: usize, kind: Collection) -> Result<(), Fault> {
        self.count(1, mark)?;
        self.deepen(1, mark)?;
        self.open.push(Frame {
            mark,
            anchor,
            nodes: self.nodes - 1,
            deepest: self.open.len() + 1,
            kind,
        });
        Ok(())
    }

    fn close(&mut self, end: Mark) -> Result<(), Fault> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let mut mark = frame.mark;
        let value = match frame.kind {
            Collection::List(items) => Value::List(items),
            Collection::Map {
                mut map, merges, ..
            } => {
                for merge in merges {
                    self.merge(&mut map, merge);
                }
                Value::Map(map)
            }
        };
        // The caret of a flow collection covers it; that of a block one only its beginning, since the
        // parser ends a block where the next thing begins.
        if mark.end_column > mark.column {
            (mark.end_line, mark.end_column) = (end.end_line, end.end_column);
        }
        let nodes = self.nodes - frame.nodes;
        let depth = frame.deepest - self.open.len();
        self.complete(Node { mark, value }, frame.anchor, nodes, depth)
    }

    /// A value is whole: it goes into the collection it stands in.
    fn complete(
        &mut self,
        node: Node,
        anchor: usize,
        nodes: usize,
        depth: usize,
    ) -> Result<(), Fault> {
        if anchor != 0 {
            let node = node.clone();
            self.count(nodes, node.mark)?;
            self.anchors.insert(anchor, Anchored { node, nodes, depth });
        }
        let level = self.open.len() + depth;
        let Some(frame) = self.open.last_mut() else {
            self.document.root = (!node.is_null()).then_some(node);
            return Ok(());
        };
        frame.deepest = frame.deepest.max(level);
        match &mut frame.kind {
            Collection::List(items) => items.push(node),
            Collection::Map { map, key, merges } => match key.take() {
                None => {
                    let Value::Scalar(scalar) = &node.value else {
                        return Err(Fault {
                            mark: node.mark,
                            message: "a key must be a word, found a list or a mapping".to_owned(),
                            help: "check the colons and the indentation",
                        });
                    };
                    let merge = scalar.is_merge_key();
                    *key = Some((scalar.text().to_owned(), node.mark, merge));
                }
                Some((_, _, true)) => merges.push(node),
                Some((key, key_mark, false)) => {
                    if let Some(before) = map.entry(&key) {
                        self.document.faults.push(Fault {
                            mark: key_mark,
                            message: format!(
                                "the key {} stands here a second time, first on line {}",
                                quote(&key),
                                before.key_mark.line + 1
                            ),
                            help: "remove one of the two",
                        });
                    }
                    map.entries.push(Entry {
                        key,
                        key_mark,
                        value: node,
                    });
                }
            },
        }
        Ok(())
    }

    /// `<<`: the entries of another mapping, or of several, where the map has none of its own. The first
    /// mapping that has a key wins, as in the YAML 1.1 merge specification.
    fn merge(&mut self, map: &mut Map, from: Node) {
        match from.value {
            Value::Map(other) => {
                for entry in other.entries {
                    if map.entry(&entry.key).is_none() {
                        map.entries.push(entry);
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| item.as_map().is_some()) => {
                for item in items {
                    self.merge(map, item);
                }
            }
            Value::Scalar(_) | Value::List(_) => self.document.faults.push(Fault {
                mark: from.mark,
                message: "`<<` takes a mapping or a list of mappings".to_owned(),
                help: "name the anchor of a mapping: `<<: *anchor`",
            }),
        }
    }
}
