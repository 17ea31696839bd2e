//! How far apart two runs may be and still count as the same.

use super::fields::Value;
use recordings::Message;
use std::borrow::Cow;

/// A rule by which runs are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tolerance {
    /// Every bit: the same networks on the same device, library and number of threads, or none at all.
    #[default]
    Exact,
    /// Networks ran on other devices or in other libraries, where sums run in another order.
    Networks,
}

impl Tolerance {
    /// Its name, as it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Networks => "networks",
        }
    }

    /// What it means, in one line.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Exact => "every bit",
            Self::Networks => "networks",
        }
    }

    /// Whether a field may have these two values.
    #[must_use]
    pub fn allows(self, _name: &str, a: &Value, b: &Value) -> bool {
        a.same(b)
    }

    /// The messages with the elements of their lists in the same places, as far as they belong together.
    #[must_use]
    pub fn matched<'a>(
        self,
        a: Option<&'a Message>,
        b: Option<&'a Message>,
    ) -> (Option<Cow<'a, Message>>, Option<Cow<'a, Message>>) {
        (a.map(Cow::Borrowed), b.map(Cow::Borrowed))
    }
}
