//! The page before it has a form: sections of lines. What it says is decided once, and each form only draws it.

use crate::body::{Body, Tone};

#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) sections: Vec<Section>,
}

#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: Body,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) enum Line {
    /// A label and a body beside it; an empty label goes on with the row above.
    Row {
        label: String,
        body: Body,
    },
    /// An entry of a tree, at a depth from 0.
    Branch {
        depth: usize,
        name: Body,
        body: Body,
    },
    /// An entry of a list after a sign: a number, or `+`.
    Item {
        sign: String,
        body: Body,
    },
    Text(Body),
}

impl Section {
    pub(crate) fn new(title: &str, tone: Tone) -> Section {
        Section { title: Body::of(title, tone), lines: Vec::new() }
    }

    pub(crate) fn row(&mut self, label: &str, body: Body) {
        self.lines.push(Line::Row { label: label.to_owned(), body });
    }

    pub(crate) fn branch(&mut self, depth: usize, name: Body, body: Body) {
        self.lines.push(Line::Branch { depth, name, body });
    }

    pub(crate) fn item(&mut self, sign: impl Into<String>, body: Body) {
        self.lines.push(Line::Item { sign: sign.into(), body });
    }

    pub(crate) fn text(&mut self, body: Body) {
        self.lines.push(Line::Text(body));
    }
}
