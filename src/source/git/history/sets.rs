//! What trees hold, as numbers.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::record::{Edge, Item, Records};

/// The different contents that trees have, as far as wanted things are concerned. Number 0 is nothing. In the edges of a
/// content, `Item::Tree` is the number of a content, not of a tree.
pub(super) struct Sets {
    contents: Vec<Box<[Edge]>>,
    /// By tree.
    of_tree: Vec<u32>,
}

/// What is known of a tree so far.
const UNSEEN: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;

impl Sets {
    /// Cost: once over all edges. No recursion: trees may be nested as deep as a repository likes.
    pub(super) fn new(records: &Records) -> Sets {
        let mut numbers: HashMap<Box<[Edge]>, u32, RandomState> = HashMap::default();
        let mut sets = Sets { contents: vec![Box::default()], of_tree: vec![UNSEEN; records.tree_count()] };
        let mut stack: Vec<(u32, usize)> = Vec::new();
        let mut content = Vec::new();
        for root in 0..records.tree_count() as u32 {
            if sets.of_tree[root as usize] == UNSEEN {
                sets.of_tree[root as usize] = OPEN;
                stack.push((root, 0));
            }
            while let Some((tree, next)) = stack.pop() {
                let edges = records.edges(tree);
                let unseen = |edge: &Edge| matches!(edge.item, Item::Tree(t) if sets.of_tree[t as usize] == UNSEEN);
                if let Some(step) = edges[next..].iter().position(unseen)
                    && let Item::Tree(child) = edges[next + step].item
                {
                    stack.push((tree, next + step + 1));
                    sets.of_tree[child as usize] = OPEN;
                    stack.push((child, 0));
                    continue;
                }
                content.clear();
                content.extend(edges.iter().filter_map(|edge| sets.reduced(edge)));
                sets.of_tree[tree as usize] = sets.number(&content, &mut numbers);
            }
        }
        sets
    }

    /// The edge with the content that its tree has; nothing if there is none. A tree that is its own ancestor (its id
    /// is wrong, then) holds nothing there.
    fn reduced(&self, edge: &Edge) -> Option<Edge> {
        match edge.item {
            Item::Wanted(_) => Some(*edge),
            Item::Tree(tree) => match self.of_tree[tree as usize] {
                0 | UNSEEN | OPEN => None,
                set => Some(Edge { name: edge.name, item: Item::Tree(set) }),
            },
        }
    }

    fn number(&mut self, content: &[Edge], numbers: &mut HashMap<Box<[Edge]>, u32, RandomState>) -> u32 {
        if content.is_empty() {
            return 0;
        }
        if let Some(number) = numbers.get(content) {
            return *number;
        }
        let number = self.contents.len() as u32;
        self.contents.push(content.into());
        numbers.insert(content.into(), number);
        number
    }

    /// The content of a tree.
    pub(super) fn of_tree(&self, tree: u32) -> u32 {
        self.of_tree.get(tree as usize).copied().unwrap_or(0)
    }

    /// What stands in a content.
    pub(super) fn edges(&self, set: u32) -> &[Edge] {
        &self.contents[set as usize]
    }

    /// How many contents there are, nothing included.
    pub(super) fn len(&self) -> usize {
        self.contents.len()
    }
}
