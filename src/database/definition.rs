//! LEDGER: the text of `SHOW CREATE TABLE` taken apart: what must be there before rows come, what is made after them, and what
//! tells two tables apart. Pure.

use std::collections::BTreeSet;

/// A table as its server writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Up to and with the opening parenthesis.
    head: String,
    /// Columns, keys and constraints, as they are written, each in one line.
    items: Vec<String>,
    /// From the closing parenthesis on.
    tail: String,
}

/// Kind of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Column,
    Primary,
    Unique,
    Key,
    /// `InnoDB` makes one such index at a time.
    FullText,
    ForeignKey,
    Other,
}

fn kind(item: &str) -> Kind {
    const KINDS: [(&str, Kind); 7] = [
        ("`", Kind::Column),
        ("PRIMARY KEY", Kind::Primary),
        ("UNIQUE KEY", Kind::Unique),
        ("KEY", Kind::Key),
        ("FULLTEXT KEY", Kind::FullText),
        ("SPATIAL KEY", Kind::Key),
        ("VECTOR KEY", Kind::FullText),
    ];
    if let Some((_, kind)) = KINDS.iter().find(|(start, _)| item.starts_with(start)) {
        return *kind;
    }
    match item.strip_prefix("CONSTRAINT ").and_then(|rest| identifier(rest)) {
        Some((_, rest)) if rest.trim_start().starts_with("FOREIGN KEY") => Kind::ForeignKey,
        _ => Kind::Other,
    }
}

/// An identifier in backticks at the beginning of a text, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('`')?;
    let mut name = String::new();
    let mut letters = rest.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '`' {
            name.push(letter);
        } else if letters.peek().is_some_and(|(_, next)| *next == '`') {
            letters.next();
            name.push('`');
        } else {
            return Some((name, &rest[at + 1..]));
        }
    }
    None
}

impl Definition {
    /// Takes a text apart; `None` when it is no `CREATE TABLE` with columns.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut head = String::new();
        let mut items: Vec<String> = Vec::new();
        let mut item = String::new();
        let mut depth = 0_usize;
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let part = if depth == 0 { &mut head } else { &mut item };
            match letter {
                '\'' | '"' | '`' => quoted_part(letter, &mut letters, part)?,
                '(' => {
                    part.push(letter);
                    depth += 1;
                }
                ')' if depth == 1 => {
                    items.push(item.trim().to_owned());
                    let tail = one_line(&format!("){}", letters.as_str()));
                    let starts = head.starts_with("CREATE TABLE");
                    return (starts && items.iter().any(|item| kind(item) == Kind::Column)).then_some(Self {
                        head,
                        items,
                        tail,
                    });
                }
                ')' => {
                    part.push(letter);
                    depth = depth.checked_sub(1)?;
                }
                ',' if depth == 1 => items.push(std::mem::take(&mut item).trim().to_owned()),
                '\n' => part.push(' '),
                _ => part.push(letter),
            }
        }
        None
    }

    /// The statement that makes the table with the keys that it needs while rows come.
    pub(crate) fn bare(&self) -> String {
        let items: Vec<&str> = self
            .items
            .iter()
            .filter(|item| self.stays(item))
            .map(String::as_str)
            .collect();
        format!("{}{}{}", self.head, items.join(", "), self.tail)
    }

    /// The statements that make the other keys of `table`, once its rows are there.
    pub(crate) fn indexes(&self, table: &str) -> Vec<String> {
        let left = |wanted: &[Kind]| -> Vec<String> {
            let left = self.items.iter().filter(|item| !self.stays(item));
            left.filter(|item| wanted.contains(&kind(item)))
                .map(|item| format!("ADD {item}"))
                .collect()
        };
        let together = left(&[Kind::Unique, Kind::Key]);
        let mut statements = Vec::new();
        if !together.is_empty() {
            statements.push(format!("ALTER TABLE {table} {}", together.join(", ")));
        }
        let single = left(&[Kind::FullText]);
        statements.extend(single.iter().map(|add| format!("ALTER TABLE {table} {add}")));
        statements
    }

    /// The statement that makes the foreign keys of `table`, once all tables have their indexes.
    pub(crate) fn foreign_keys(&self, table: &str) -> Option<String> {
        let keys: Vec<String> = self
            .items
            .iter()
            .filter(|item| kind(item) == Kind::ForeignKey)
            .map(|item| format!("ADD {item}"))
            .collect();
        (!keys.is_empty()).then(|| format!("ALTER TABLE {table} {}", keys.join(", ")))
    }

    /// What must be there before rows come: the primary key, which orders them; a unique key where there is no other; the key
    /// of the column that counts by itself, which no server lets be without one.
    fn stays(&self, item: &str) -> bool {
        match kind(item) {
            Kind::Column | Kind::Primary | Kind::Other => true,
            Kind::ForeignKey | Kind::FullText => false,
            Kind::Unique => !self.has_primary() || self.counts(item),
            Kind::Key => self.counts(item),
        }
    }

    fn has_primary(&self) -> bool {
        self.items.iter().any(|item| kind(item) == Kind::Primary)
    }

    /// Whether the key begins with the column that counts by itself, and the primary key does not.
    fn counts(&self, key: &str) -> bool {
        let counting = self
            .items
            .iter()
            .filter(|item| kind(item) == Kind::Column)
            .find(|item| without_quoted(item).contains(" AUTO_INCREMENT"));
        let Some((column, _)) = counting.and_then(|item| identifier(item)) else {
            return false;
        };
        let first = |key: &str| {
            let columns = key.split_once(" (").map_or("", |(_, columns)| columns);
            identifier(columns.trim_start()).map(|(name, _)| name)
        };
        let primary = self.items.iter().find(|item| kind(item) == Kind::Primary);
        primary.and_then(|item| first(item)).as_ref() != Some(&column) && first(key) == Some(column)
    }

    /// Collations that columns and the table name.
    pub(crate) fn collations(&self) -> BTreeSet<String> {
        let texts = self.items.iter().chain([&self.tail]);
        let mut collations = BTreeSet::new();
        for text in texts {
            let plain = without_quoted(text).replace("COLLATE=", "COLLATE ");
            let mut words = plain.split([' ', ',']);
            while let Some(word) = words.next() {
                if word == "COLLATE"
                    && let Some(name) = words.next()
                {
                    collations.insert(name.to_owned());
                }
            }
        }
        collations
    }

    /// What is the same for two tables that are: every item, in order, and the options, without the next number to count with.
    pub(crate) fn essence(&self) -> Vec<String> {
        let mut essence: Vec<String> = self.items.iter().map(|item| without_implied(item)).collect();
        let options = self.tail.split(' ');
        let options: Vec<&str> = options
            .filter(|word| !word.starts_with("AUTO_INCREMENT="))
            .collect();
        essence.push(options.join(" "));
        essence
    }
}

/// Takes over a quoted text to its end. An end of line in it is written as an escape, which only a text may hold.
fn quoted_part(quote: char, letters: &mut std::str::Chars<'_>, part: &mut String) -> Option<()> {
    part.push(quote);
    loop {
        match letters.next()? {
            '\n' if quote == '`' => return None,
            '\n' => part.push_str("\\n"),
            '\\' if quote != '`' => match letters.next()? {
                '\n' => part.push_str("\\n"),
                letter => part.extend(['\\', letter]),
            },
            // A doubled quote ends one text and begins the next, which comes to the same.
            letter if letter == quote => {
                part.push(letter);
                return Some(());
            }
            letter => part.push(letter),
        }
    }
}

/// A text whose pieces outside of quotes went through `change`.
fn outside_quotes(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if !matches!(letter, '\'' | '"' | '`') {
            plain.push(letter);
            continue;
        }
        whole.push_str(&change(&plain));
        plain.clear();
        if quoted_part(letter, &mut letters, &mut whole).is_none() {
            return whole;
        }
    }
    whole + &change(&plain)
}

fn one_line(text: &str) -> String {
    outside_quotes(text, |plain| plain.replace('\n', " "))
}

/// A column without a character set that its collation implies: MySQL writes it, or not, depending on how the table was made.
fn without_implied(item: &str) -> String {
    outside_quotes(item, |plain| {
        let Some((before, rest)) = plain.split_once(" CHARACTER SET ") else {
            return plain.to_owned();
        };
        match rest.split_once(" COLLATE ") {
            Some((name, after)) if !name.contains(' ') => format!("{before} COLLATE {after}"),
            _ => plain.to_owned(),
        }
    })
}

/// A text without what stands in quotes, so that words in comments and defaults count for nothing.
fn without_quoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if matches!(letter, '\'' | '"' | '`') {
            let mut skipped = String::new();
            if quoted_part(letter, &mut letters, &mut skipped).is_none() {
                return plain;
            }
            plain.push('x');
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::Definition;

    const RUNS: &str = "CREATE TABLE `run_metrics` (\n  `RunUUID` varchar(191) NOT NULL,\n  `Note` varchar(9) DEFAULT 'a,''(b' COMMENT 'KEY `x` (`y`)\\n, AUTO_INCREMENT',\n  \
        `Number` bigint(20) NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`RunUUID`,`Number`),\n  UNIQUE KEY `u` (`Note`),\n  \
        KEY `n` (`Number`),\n  KEY `k` (`Note`(3),`RunUUID`),\n  FULLTEXT KEY `f` (`Note`),\n  \
        CONSTRAINT `fk` FOREIGN KEY (`RunUUID`) REFERENCES `run_details` (`UUID`) ON DELETE CASCADE,\n  \
        CONSTRAINT `ck` CHECK (json_valid(`Note`))\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci";

    #[test]
    fn a_table_is_made_bare_and_its_indexes_after_its_rows() {
        let definition = Definition::parse(RUNS).unwrap();
        let mut all = vec![definition.bare()];
        all.extend(definition.indexes("`run_metrics`"));
        all.extend(definition.foreign_keys("`run_metrics`"));
        insta::assert_snapshot!(all.join("\n"), @r"
        CREATE TABLE `run_metrics` (`RunUUID` varchar(191) NOT NULL, `Note` varchar(9) DEFAULT 'a,''(b' COMMENT 'KEY `x` (`y`)\n, AUTO_INCREMENT', `Number` bigint(20) NOT NULL AUTO_INCREMENT, PRIMARY KEY (`RunUUID`,`Number`), KEY `n` (`Number`), CONSTRAINT `ck` CHECK (json_valid(`Note`))) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
        ALTER TABLE `run_metrics` ADD UNIQUE KEY `u` (`Note`), ADD KEY `k` (`Note`(3),`RunUUID`)
        ALTER TABLE `run_metrics` ADD FULLTEXT KEY `f` (`Note`)
        ALTER TABLE `run_metrics` ADD CONSTRAINT `fk` FOREIGN KEY (`RunUUID`) REFERENCES `run_details` (`UUID`) ON DELETE CASCADE
        ");
    }

    #[test]
    fn without_a_primary_key_unique_keys_stay() {
        let text = "CREATE TABLE `t` (\n  `a` int(11) NOT NULL,\n  UNIQUE KEY `u` (`a`),\n  KEY `k` (`a`)\n) ENGINE=InnoDB";
        let definition = Definition::parse(text).unwrap();
        assert!(definition.bare().contains("UNIQUE KEY `u`"));
        assert_eq!(definition.indexes("`t`"), ["ALTER TABLE `t` ADD KEY `k` (`a`)"]);
    }

    #[test]
    fn the_next_number_does_not_tell_tables_apart() {
        let other = RUNS.replace("AUTO_INCREMENT=7 ", "");
        let essence = |text: &str| Definition::parse(text).unwrap().essence();
        assert_eq!(essence(RUNS), essence(&other));
        assert_ne!(essence(RUNS), essence(&RUNS.replace("CASCADE", "RESTRICT")));
    }

    #[test]
    fn a_character_set_that_a_collation_implies_does_not_tell_tables_apart() {
        let table = |set: &str| {
            format!("CREATE TABLE `t` (\n  `a` char(9){set} DEFAULT ' CHARACTER SET x COLLATE y'\n)")
        };
        let essence = |set: &str| Definition::parse(&table(set)).unwrap().essence();
        let plain = essence(" COLLATE utf8mb4_bin");
        assert_eq!(essence(" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"), plain);
        assert_ne!(essence(" CHARACTER SET utf8mb4"), plain);
        assert!(plain[0].contains("' CHARACTER SET x COLLATE y'"), "{plain:?}");
    }

    #[test]
    fn collations_are_those_of_columns_and_of_the_table() {
        let text = "CREATE TABLE `t` (\n  `a` varchar(3) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT ' COLLATE no'\n) COLLATE=utf8mb4_0900_ai_ci";
        let collations = Definition::parse(text).unwrap().collations();
        assert_eq!(Vec::from_iter(collations), ["latin1_bin", "utf8mb4_0900_ai_ci"]);
    }

    #[rstest]
    #[case("")]
    #[case("CREATE VIEW `v` AS SELECT (1)")]
    #[case("CREATE TABLE `t` (`a` int")]
    #[case("CREATE TABLE `t` (`a\n` int)")]
    #[case("CREATE TABLE `t` (CHECK (1))")]
    fn what_is_no_table_is_not_taken_for_one(#[case] text: &str) {
        assert_eq!(Definition::parse(text), None);
    }

    #[test]
    fn an_end_of_line_behind_a_backslash_stays_within_its_statement() {
        let text = "CREATE TABLE `t` (\n  `a` int COMMENT 'one\\\ntwo'\n)";
        let bare = Definition::parse(text).unwrap().bare();
        assert!(bare.contains(r"'one\ntwo'"), "{bare}");
    }

    proptest! {
        #[test]
        fn no_text_stops_the_parser(text in "CREATE TABLE `a` \\([`'\"\\\\(), a\n]{0,40}\\)[ ,'`\n]{0,10}") {
            if let Some(definition) = Definition::parse(&text) {
                prop_assert!(!definition.bare().contains('\n'));
                definition.indexes("`t`");
                definition.essence();
                definition.collations();
            }
        }
    }
}
