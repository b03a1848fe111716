use remit_agent::{AbsPath, AgentFile, Reading};

/// A program that reads agent files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    Remit,
    /// Kiro CLI 2.x.
    Kiro,
    /// Kiro CLI 3, with rules under `permissions`.
    KiroV3,
    /// Amazon Q CLI 1.19.
    Q,
}

impl Product {
    pub const ALL: [Product; 4] = [Product::Remit, Product::Kiro, Product::KiroV3, Product::Q];

    /// Returns the name that options and data use.
    pub fn name(self) -> &'static str {
        match self {
            Product::Remit => "remit",
            Product::Kiro => "kiro",
            Product::KiroV3 => "kiro-v3",
            Product::Q => "q",
        }
    }

    /// Returns the name that people use.
    pub fn title(self) -> &'static str {
        match self {
            Product::Remit => "Remit",
            Product::Kiro => "Kiro CLI",
            Product::KiroV3 => "Kiro CLI 3",
            Product::Q => "Amazon Q CLI",
        }
    }
}

/// The products that a file is judged for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Products {
    /// The file is theirs: what is wrong for them weighs what its rule says.
    own: Vec<Product>,
    /// They can read the file too: what is wrong only for them is a note.
    aside: Vec<Product>,
}

impl Products {
    pub fn only(products: &[Product]) -> Products {
        Products { own: products.to_vec(), aside: Vec::new() }
    }

    /// Returns every product that would read the file: by where it is, by how it is to be read, and by what is in it.
    ///
    /// A file that is nobody's by its place is Remit's, and the others are looked at aside: unless it has Remit's own
    /// settings, and so is meant for it.
    pub fn of(path: Option<&AbsPath>, reading: Reading, file: &AgentFile) -> Products {
        if file.permissions.is_some() || path.is_some_and(|path| path.file_name().strip_suffix(".md").is_some()) {
            return Products::only(&[Product::KiroV3]);
        }
        match reading {
            Reading::Kiro => Products::only(&[Product::Remit, Product::Kiro]),
            Reading::Q => Products::only(&[Product::Remit, Product::Q]),
            Reading::Remit if file.settings.sandbox.is_some() || path.is_some_and(is_remits) => Products::only(&[Product::Remit]),
            Reading::Remit => Products { own: vec![Product::Remit], aside: vec![Product::Kiro, Product::Q] },
        }
    }

    pub fn has(&self, product: Product) -> bool {
        self.own.contains(&product) || self.aside.contains(&product)
    }

    /// Returns whether the file is this product's own.
    pub fn is_own(&self, product: Product) -> bool {
        self.own.contains(&product)
    }

    /// Returns those of the products that are asked for, the file's own first.
    pub fn among(&self, wanted: &[Product]) -> Vec<Product> {
        self.own.iter().chain(&self.aside).copied().filter(|product| wanted.contains(product)).collect()
    }
}

/// Returns the products as people name them: `Kiro CLI and Amazon Q CLI`.
pub(crate) fn titles(products: &[Product]) -> String {
    let mut sorted = products.to_vec();
    sorted.sort_unstable();
    sorted.iter().map(|product| product.title()).collect::<Vec<_>>().join(" and ")
}

fn is_remits(path: &AbsPath) -> bool {
    path.parent().is_some_and(|directory| directory.as_str().ends_with("remit/agents"))
}
