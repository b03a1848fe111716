use std::cell::OnceCell;
use std::ops::Deref;
use std::path::Path;

use remit_agent::{AbsPath, AgentFile, NativeTool, Permissions, Reading, Text};
use remit_diagnostics::{Location, Source, Span};
use remit_policy::{CommandLine, Decision, Policy, Request, Workspace};

use crate::paths::{Access, ToolPaths};
use crate::products::{self, PathWorld, Pattern, ProductRules, ProductSettings, ProductShell};
use crate::{Disk, Product, Products};

/// A file as it is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct LintInput<'a> {
    pub source: &'a Source,
    /// As far as it could be read: a file with errors is looked at too.
    pub file: &'a AgentFile,
    /// `None` when the text does not come from a file.
    pub path: Option<&'a AbsPath>,
    /// How Remit reads the patterns of this file.
    pub reading: Reading,
    /// `None` when it does not compile: rules that ask the gate say nothing then.
    pub policy: Option<&'a Policy>,
    /// Who reads it: see [`Products::of`].
    pub products: &'a Products,
    pub workspace: &'a Workspace,
    pub disk: &'a dyn Disk,
}

/// A file as a rule sees it: the input, and what more than one rule wants to know of it.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    input: &'a LintInput<'a>,
    shell: OnceCell<ProductShell>,
    root: AbsPath,
    read_paths: OnceCell<ToolPaths<'a>>,
    write_paths: OnceCell<ToolPaths<'a>>,
}

impl<'a> Deref for Facts<'a> {
    type Target = LintInput<'a>;

    fn deref(&self) -> &LintInput<'a> {
        self.input
    }
}

impl<'a> Facts<'a> {
    pub(crate) fn new(input: &'a LintInput<'a>) -> Facts<'a> {
        // In the home directory are agents of every workspace.
        let root =
            root_of(input.path).filter(|root| *root != input.workspace.home).unwrap_or_else(|| input.workspace.root.clone());
        Facts { input, shell: OnceCell::new(), root, read_paths: OnceCell::new(), write_paths: OnceCell::new() }
    }

    pub(crate) fn file(&self) -> &'a AgentFile {
        self.input.file
    }

    /// Returns the rules of Kiro CLI 3, where the file is judged for it.
    pub(crate) fn permissions(&self) -> Option<&'a Permissions> {
        let permissions = self.input.file.permissions.as_ref()?;
        self.products.has(Product::KiroV3).then_some(&permissions.value)
    }

    /// Returns the directory that relative paths of settings are read from: the one that holds the product's directory, or
    /// the workspace.
    pub(crate) fn root(&self) -> &AbsPath {
        &self.root
    }

    pub(crate) fn world(&self) -> PathWorld<'_> {
        PathWorld { cwd: &self.root, home: &self.workspace.home, disk: self.disk }
    }

    /// Returns the paths of the reading or the writing tool as Kiro CLI and Amazon Q CLI see them.
    pub(crate) fn tool_paths(&self, access: Access) -> &ToolPaths<'a> {
        match access {
            Access::Read => self.read_paths.get_or_init(|| ToolPaths::of(self, access)),
            Access::Write => self.write_paths.get_or_init(|| ToolPaths::of(self, access)),
        }
    }

    pub(crate) fn at(&self, span: Span) -> Location {
        Location { source: self.source.clone(), span: self.source.clamp(span) }
    }

    /// Returns whether the file is where Kiro CLI or Amazon Q CLI looks, or is to be read as they do.
    pub(crate) fn is_of_a_product(&self) -> bool {
        match self.reading {
            Reading::Remit => false,
            Reading::Kiro | Reading::Q => true,
        }
    }

    pub(crate) fn allowed_commands(&self) -> &'a [Text] {
        let settings = self.input.file.settings.shell.as_ref();
        settings.and_then(|settings| settings.value.allowed_commands.as_ref()).map_or(&[], |list| &list.value)
    }

    pub(crate) fn denied_commands(&self) -> &'a [Text] {
        let settings = self.input.file.settings.shell.as_ref();
        settings.and_then(|settings| settings.value.denied_commands.as_ref()).map_or(&[], |list| &list.value)
    }

    /// Returns the shell tool as Kiro CLI and Amazon Q CLI see it.
    pub(crate) fn shell(&self) -> &ProductShell {
        self.shell.get_or_init(|| ProductShell {
            trusted: products::allows(self.file, NativeTool::Shell).is_some(),
            settings: match &self.file.settings.shell {
                Some(settings) => ProductSettings::Read(ProductRules::of(&settings.value)),
                None => ProductSettings::Absent,
            },
        })
    }

    /// Returns the products that read `allowedCommands` and `deniedCommands` as regular expressions over the line as it
    /// was written.
    pub(crate) fn regex_products(&self) -> Vec<Product> {
        self.products.among(&[Product::Kiro, Product::Q])
    }

    /// Returns the patterns of `allowedCommands` with their places.
    pub(crate) fn allowed(&self) -> Vec<(&'a Text, &Pattern)> {
        self.allowed_commands().iter().zip(self.rules().map_or(&[][..], |rules| &rules.allowed)).collect()
    }

    /// Returns the patterns of `allowedCommands` with their places, and none where no line is tried against them: for rules
    /// that find only what was tried.
    pub(crate) fn allowed_to_try(&self) -> Vec<(&'a Text, &Pattern)> {
        if self.has_too_many_patterns() { Vec::new() } else { self.allowed() }
    }

    /// Returns the patterns of `deniedCommands` with their places.
    pub(crate) fn denied(&self) -> Vec<(&'a Text, &Pattern)> {
        self.denied_commands().iter().zip(self.rules().map_or(&[][..], |rules| &rules.denied)).collect()
    }

    fn rules(&self) -> Option<&ProductRules> {
        match &self.shell().settings {
            ProductSettings::Read(rules) => Some(rules),
            ProductSettings::Absent | ProductSettings::Unreadable => None,
        }
    }

    fn has_too_many_patterns(&self) -> bool {
        self.allowed_commands().len() + self.denied_commands().len() > MOST_PATTERNS
    }

    /// Returns what a product does with a command line, or `None` where that cannot be computed.
    pub(crate) fn judge(&self, product: Product, line: &str) -> Option<Decision> {
        if self.has_too_many_patterns() {
            return None;
        }
        match product {
            Product::Remit => {
                let request = Request::Command(CommandLine::Shell(line.to_owned()));
                self.policy.map(|policy| policy.judge(&request).0)
            }
            Product::Kiro => Some(self.shell().judge_as_kiro(line)),
            Product::Q => Some(self.shell().judge_as_q(line)),
            Product::KiroV3 => self.permissions().map(|permissions| products::judge_v3(permissions, "shell", line)),
        }
    }
}

/// How long the lists of command patterns may be for lines to be tried against them: for each pattern some lines are, so the
/// work grows with the square. The longest list of 704 public files has less than a third of it.
pub(crate) const MOST_PATTERNS: usize = 500;

/// Returns the workspace of a file that lies where a product looks for agents in a workspace.
fn root_of(path: Option<&AbsPath>) -> Option<AbsPath> {
    let directory = path?.parent()?;
    let text = directory.as_str();
    let above =
        [".kiro/agents", ".amazonq/cli-agents", ".remit/agents"].into_iter().find_map(|agents| text.strip_suffix(agents))?;
    AbsPath::new(Path::new(above)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::path;

    #[test]
    fn the_workspace_is_above_the_products_directory() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(root_of(Some(&path(text))), expected.map(path), "{text}");
        check("/w/p/.kiro/agents/a.json", Some("/w/p"));
        check("/w/p/.amazonq/cli-agents/a.json", Some("/w/p"));
        check("/w/p/agents/a.json", None);
        assert_eq!(root_of(None), None);
    }
}
