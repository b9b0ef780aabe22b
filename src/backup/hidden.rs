//! SETS: a text that no log may show. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, a key or a token: `Debug` does not show it, serde writes it as the text it is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> From<T> for Hidden {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn debug_output_hides_the_text_and_json_keeps_it() {
        let hidden = Hidden::from("hunter2");
        assert_eq!(format!("{hidden:?} {hidden:#?}"), "(hidden) (hidden)");
        assert_eq!(serde_json::to_string(&hidden).unwrap(), "\"hunter2\"");
    }
}
