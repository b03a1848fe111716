use remit_agent::Text;

/// The first of several entries of a list that have the same fault: a list that has it in one entry has it in most, and
/// one finding is read where twenty are not.
#[derive(Debug)]
pub(crate) struct Several<'a, W> {
    pub(crate) entry: &'a Text,
    /// The proof for the first.
    pub(crate) witness: W,
    /// All of them, in their order.
    pub(crate) entries: Vec<&'a Text>,
}

impl<'a, W> Several<'a, W> {
    pub(crate) fn of(found: impl IntoIterator<Item = (&'a Text, W)>) -> Option<Several<'a, W>> {
        let mut found = found.into_iter();
        let (entry, witness) = found.next()?;
        let entries = std::iter::once(entry).chain(found.map(|(entry, _)| entry)).collect();
        Some(Several { entry, witness, entries })
    }

    /// Returns what is to be added for the others: `; 2 other patterns of the list are WHAT`.
    pub(crate) fn and_others(&self, what: &str) -> String {
        match self.entries.len() - 1 {
            0 => String::new(),
            1 => format!("; one other entry of the list {what}"),
            more => format!("; {more} other entries of the list {what}"),
        }
    }
}
