//! PROOF: what each image claims to be and what is really inside, for people to read.

use comfy_table::{Table, presets};

use super::Lab;

impl Lab {
    /// A table of every image with its content, and of every tool with its version.
    #[must_use]
    pub fn versions(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["WANTED", "ACTUAL"]);
        for image in &self.images {
            table.add_row([&image.name, &image.actual]);
        }
        for [name, version, remark] in self.tools.table() {
            table.add_row([name, format!("{version} {remark}").trim().to_owned()]);
        }
        table.to_string()
    }
}
