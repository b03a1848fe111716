//! Finding what lies above a path in a sorted list, without looking at all of it: a start asks that some hundred times.

use remit_agent::AbsPath;

use crate::PathRights;

/// What stands in a list by its path.
pub(crate) trait At {
    fn at(&self) -> &AbsPath;
}

impl At for AbsPath {
    fn at(&self) -> &AbsPath {
        self
    }
}

impl At for PathRights {
    fn at(&self) -> &AbsPath {
        &self.path
    }
}

/// Returns what of a list, sorted by path, is the path itself or a directory above it.
pub(crate) fn above<'a, T: At>(sorted: &'a [T], path: &'a AbsPath) -> impl Iterator<Item = &'a T> {
    // The root is above everything, and first. All else that is above begins with the first component, and so do few others.
    let (root, rest) = sorted.split_at(sorted.iter().take_while(|first| first.at().as_str() == "/").count());
    let text = path.as_str();
    // The first byte is a slash.
    let end = text.bytes().skip(1).position(|byte| byte == b'/');
    let component = end.and_then(|end| text.get(..=end)).unwrap_or(text);
    let from = rest.partition_point(|entry| entry.at().as_str() < component);
    let near = rest.iter().skip(from).take_while(move |entry| entry.at().as_str().starts_with(component));
    root.iter().chain(near.filter(move |entry| path.is_beneath(entry.at())))
}

/// Returns whether something in a sorted list is the path itself or a directory above it.
pub(crate) fn is_below<T: At>(sorted: &[T], path: &AbsPath) -> bool {
    above(sorted, path).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// As it is found by looking at all.
        #[test]
        fn nothing_above_is_passed_over(texts in proptest::collection::vec("(/(a|b|a-b|a0|ab|é)){0,3}", 0..12), path in "(/(a|b|a-b|a0|ab|é)){0,4}") {
            let absolute = |text: &str| AbsPath::root().join(text);
            let mut list: Vec<AbsPath> = texts.iter().map(|text| absolute(text)).collect();
            list.sort();
            let path = absolute(&path);
            let expected: Vec<&AbsPath> = list.iter().filter(|entry| path.is_beneath(entry)).collect();
            assert_eq!(above(&list, &path).collect::<Vec<_>>(), expected, "{path} in {list:?}");
            assert_eq!(is_below(&list, &path), !expected.is_empty());
        }
    }
}
