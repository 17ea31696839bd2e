//! Reads elements and numbers of an XML file, with errors that name the place.
//!
//! The parser is `roxmltree`: no recursion, and a document type (the door to entities that expand without end) is refused.

use super::MapError;
use crate::polyline::FARTHEST_M;
use roxmltree::{Document, Node, ParsingOptions};

/// A parsed file.
pub(crate) struct Xml<'a> {
    file: &'a str,
    document: Document<'a>,
}

/// An element of a file.
#[derive(Clone, Copy)]
pub(crate) struct Element<'d> {
    file: &'d str,
    node: Node<'d, 'd>,
}

impl<'a> Xml<'a> {
    /// Parses a text; `file` is its name in errors.
    pub fn parse(file: &'a str, text: &'a str) -> Result<Self, MapError> {
        let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
        let problem =
            |error: roxmltree::Error| MapError::Syntax { file: file.into(), problem: format!("XML: {error}") };
        Ok(Self { file, document: Document::parse_with_options(text, options).map_err(problem)? })
    }

    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        Element { file: self.file, node: self.document.root_element() }
    }
}

impl<'d> Element<'d> {
    /// The element's name, without a namespace.
    pub fn name(&self) -> &'d str {
        self.node.tag_name().name()
    }

    /// Every child element in order.
    pub fn all(&self) -> impl Iterator<Item = Self> + use<'d> {
        let file = self.file;
        self.node.children().filter(Node::is_element).map(move |node| Self { file, node })
    }

    /// The children of a name, in order.
    pub fn children(&self, name: &'static str) -> impl Iterator<Item = Self> + use<'d> {
        self.all().filter(move |child| child.name() == name)
    }

    /// The first child of a name.
    pub fn child(&self, name: &'static str) -> Option<Self> {
        self.children(name).next()
    }

    /// The first child of a name.
    pub fn needed(&self, name: &'static str) -> Result<Self, MapError> {
        self.child(name).ok_or_else(|| self.error(format!("has no <{name}>")))
    }

    /// The text inside, without spaces around it.
    pub fn text(&self) -> &'d str {
        self.node.text().unwrap_or_default().trim()
    }

    /// The number that is the text inside.
    pub fn number(&self) -> Result<f64, MapError> {
        self.parsed(self.text(), "its text")
    }

    /// The number in a child.
    pub fn number_in(&self, name: &'static str) -> Result<f64, MapError> {
        self.needed(name)?.number()
    }

    /// A place: the children `x` and `y`, m.
    pub fn place(&self) -> Result<[f64; 2], MapError> {
        let axis = |name| {
            let value = self.number_in(name)?;
            let far = || self.error(format!("{name} is {value} m, beyond {FARTHEST_M} m"));
            if value.abs() <= FARTHEST_M { Ok(value) } else { Err(far()) }
        };
        Ok([axis("x")?, axis("y")?])
    }

    /// An attribute, if it is there.
    pub fn attribute(&self, name: &str) -> Option<&'d str> {
        self.node.attribute(name)
    }

    /// An attribute that must be there.
    pub fn needed_attribute(&self, name: &str) -> Result<&'d str, MapError> {
        self.attribute(name).ok_or_else(|| self.error(format!("has no attribute `{name}`")))
    }

    /// The number in an attribute that must be there.
    pub fn attribute_number(&self, name: &str) -> Result<f64, MapError> {
        self.parsed(self.needed_attribute(name)?, name)
    }

    /// The number in an attribute, or another if it is not there.
    pub fn attribute_number_or(&self, name: &str, otherwise: f64) -> Result<f64, MapError> {
        self.attribute(name).map_or(Ok(otherwise), |text| self.parsed(text, name))
    }

    fn parsed(&self, text: &str, what: &str) -> Result<f64, MapError> {
        let shown: String = text.chars().take(40).collect();
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(self.error(format!("{what} is `{shown}`, which is not finite"))),
            Err(_) => Err(self.error(format!("{what} is `{shown}`, which is no number"))),
        }
    }

    /// What a person calls it: its name, its identity if it has one, and its line.
    pub fn title(&self) -> String {
        let line = self.node.document().text_pos_at(self.node.range().start).row;
        match self.attribute("id").or_else(|| self.attribute("ref")) {
            Some(id) => format!("<{}> {} in line {line}", self.name(), id.chars().take(40).collect::<String>()),
            None => format!("<{}> in line {line}", self.name()),
        }
    }

    /// An error about this element.
    pub fn error(&self, problem: impl Into<String>) -> MapError {
        MapError::Element { file: self.file.into(), element: self.title(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_element_line_and_number() {
        let xml = Xml::parse("a.xml", "<m>\n <p id=\"7\"><x>1.5</x><y>oops</y></p><q w=\"NaN\"/></m>").unwrap();
        let point = xml.root().needed("p").unwrap();
        assert_eq!(point.number_in("x"), Ok(1.5));
        let said = point.place().unwrap_err().to_string();
        assert_eq!(said, "a.xml: <y> in line 2: its text is `oops`, which is no number");
        let said = xml.root().needed("q").unwrap().attribute_number("w").unwrap_err().to_string();
        assert!(said.contains("<q> in line 2: w is `NaN`, which is not finite"), "{said}");
        assert!(point.needed("z").map(|_| ()).unwrap_err().to_string().contains("<p> 7 in line 2: has no <z>"));
    }

    #[test]
    fn entities_are_refused_and_depth_is_harmless() {
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>";
        assert!(matches!(Xml::parse("l.xml", laughs), Err(MapError::Syntax { .. })));
        let deep = "<a>".repeat(200_000) + &"</a>".repeat(200_000);
        let xml = Xml::parse("d.xml", &deep).unwrap();
        let mut inner = xml.root();
        while let Some(child) = inner.child("a") {
            inner = child;
        }
        assert_eq!((inner.name(), inner.all().count()), ("a", 0));
    }
}
