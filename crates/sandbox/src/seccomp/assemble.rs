//! From rules to classic BPF, as seccomp(2) takes it. Part of the build script.
//!
//! The program checks the architecture, then finds the call's number by binary search over runs of numbers with the same
//! rule. The kernel caches which calls are always allowed (5.11), so for those the program does not run at all.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Errno(u16),
    KillProcess,
    /// Asks the process that holds the listener, and waits for its answer (`SECCOMP_RET_USER_NOTIF`, Linux 5.0).
    Notify,
}

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Always(Action),
    RefuseAnyBit {
        argument: u8,
        mask: u32,
        errno: u16,
    },
    /// Refuses these values, and those whose second byte is one of the types, but for the exceptions.
    RefuseEqual {
        argument: u8,
        values: Vec<u32>,
        types: Vec<u32>,
        except: Vec<u32>,
        errno: u16,
    },
    AllowEqual {
        argument: u8,
        values: Vec<u32>,
        errno: u16,
    },
    NotifyAnyBit {
        argument: u8,
        mask: u32,
    },
    NotifyNoBit {
        argument: u8,
        mask: u32,
    },
    /// Asks, unless each of these arguments is what is given, or the pointer is null.
    NotifyUnless {
        equal: Vec<(u8, u32)>,
        null: Option<u8>,
    },
    AllowAnyBit {
        argument: u8,
        mask: u32,
        errno: u16,
    },
    /// Refuses when both arguments have one of their bits, or the second alone where there is no first.
    RefuseBits {
        first: Option<(u8, u32)>,
        second: (u8, u32),
        errno: u16,
        otherwise: Box<Rule>,
    },
    /// socket(2): `AF_UNIX`, and with `inet` streams and datagrams of TCP and UDP over IPv4 and IPv6, and `NETLINK_ROUTE`, by which
    /// getifaddrs(3) lists the interfaces; changing one takes a capability.
    Socket {
        inet: bool,
        unix: Unix,
    },
    /// socketpair(2): `AF_UNIX`.
    SocketPair {
        unix: Unix,
    },
}

/// Which Unix sockets can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unix {
    All,
    /// No datagrams: each of them may name another receiver, in memory that a filter cannot read.
    Connected,
}

/// One `struct sock_filter`: u16 code, u8 jt, u8 jf, u32 k.
pub(crate) type Instruction = [u8; 8];

const ENOSYS: u16 = 38;
const EPROTONOSUPPORT: u16 = 93;
const ESOCKTNOSUPPORT: u16 = 94;
const EAFNOSUPPORT: u16 = 97;

const AF_UNIX: u32 = 1;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const AF_NETLINK: u32 = 16;
const NETLINK_ROUTE: u32 = 0;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_SEQPACKET: u32 = 5;
/// Above these bits are `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
const SOCK_TYPE_MASK: u32 = 0xF;
const IPPROTO_DEFAULT: u32 = 0;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;

const X32_BIT: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`; only little-endian architectures are built for.
const NR: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

/// The rule of a number that has none: `ENOSYS`.
pub(crate) const UNKNOWN: Action = Action::Errno(ENOSYS);

/// Makes the program, with an action for a number without a rule and one for a foreign architecture.
pub(crate) fn assemble(
    audit_arch: u32,
    x32: bool,
    rules: &BTreeMap<u32, Rule>,
    unknown: Action,
    foreign: Action,
) -> Vec<Instruction> {
    let kill = ret(foreign);
    let mut program = vec![load(ARCH), jump_equal(audit_arch, 1, 0), kill, load(NR)];
    if x32 {
        program.extend([jump_at_least(X32_BIT, 0, 1), kill]);
    }
    program.extend(search(&runs(rules, unknown)));
    shared(&program)
}

/// Neighbouring numbers with the same rule, each run by its first number; the first run begins at 0.
fn runs(rules: &BTreeMap<u32, Rule>, unknown: Action) -> Vec<(u32, Rule)> {
    let unknown = Rule::Always(unknown);
    let last = rules.keys().next_back().copied().unwrap_or(0);
    let mut runs: Vec<(u32, Rule)> = Vec::new();
    for number in 0..=last + 1 {
        let rule = rules.get(&number).unwrap_or(&unknown);
        if runs.last().is_none_or(|(_, previous)| previous != rule) {
            runs.push((number, rule.clone()));
        }
    }
    runs
}

/// Finds the rule of a number that is loaded, by binary search, and acts by it.
fn search(runs: &[(u32, Rule)]) -> Vec<Instruction> {
    let mut backwards = Backwards::default();
    let root = backwards.search(runs);
    backwards.place(root);
    backwards.code.reverse();
    backwards.code
}

/// A program that is written from its end, because every jump goes forward: when a jump is written, what it goes to has its place.
///
/// So one `ret` serves all the jumps that reach it, which halves the program. The kernel translates it at every start.
#[derive(Default)]
struct Backwards {
    /// The last instruction first.
    code: Vec<Instruction>,
    /// Where each action was placed last.
    actions: Vec<(Action, usize)>,
}

#[derive(Clone, Copy)]
enum Target {
    Placed(usize),
    Action(Action),
}

impl Backwards {
    fn search(&mut self, runs: &[(u32, Rule)]) -> Target {
        match runs {
            [] => Target::Action(UNKNOWN),
            [(_, Rule::Always(action))] => Target::Action(*action),
            [(_, rule)] => {
                self.code.extend(check(rule).into_iter().rev());
                Target::Placed(self.code.len() - 1)
            }
            _ => {
                let (left, right) = runs.split_at(runs.len() / 2);
                let middle = right.first().map_or(0, |(number, _)| *number);
                let (right, left) = (self.search(right), self.search(left));
                let (right, left) = (self.place(right), self.place(left));
                // Between the two at most one instruction was placed, and `place` leaves room for it.
                let distance = |target: usize| u8::try_from(self.code.len() - target - 1).unwrap_or(0);
                self.code.push(jump_at_least(middle, distance(right), distance(left)));
                Target::Placed(self.code.len() - 1)
            }
        }
    }

    /// Returns where something is that a conditional jump reaches, 255 instructions, from here and from one further.
    fn place(&mut self, target: Target) -> usize {
        let reached = |at: usize| self.code.len() - at <= 255;
        match target {
            Target::Placed(at) if reached(at) => return at,
            // An unconditional jump reaches all.
            Target::Placed(at) => self.code.push(jump(u32::try_from(self.code.len() - at - 1).unwrap_or(u32::MAX))),
            Target::Action(action) => {
                if let Some((_, at)) = self.actions.iter().rev().find(|(placed, _)| *placed == action)
                    && reached(*at)
                {
                    return *at;
                }
                self.actions.push((action, self.code.len()));
                self.code.push(ret(action));
            }
        }
        self.code.len() - 1
    }
}

/// Lets what does the same stand there once: every jump goes to the last place with its meaning that it reaches, and what nothing
/// reaches any more is left out.
fn shared(program: &[Instruction]) -> Vec<Instruction> {
    // From the end, because every jump goes forward: for each instruction the last one that means the same.
    let mut meanings: BTreeMap<(u16, u32, usize, usize), usize> = BTreeMap::new();
    let mut same = vec![0; program.len()];
    for (at, parts) in program.iter().copied().map(Parts::of).enumerate().rev() {
        let follows = |by: usize| same.get(at + 1 + by).copied().expect("a jump stays in the program");
        let meaning = match parts.code {
            RET => (parts.code, parts.k, 0, 0),
            // It means what it leads to.
            JA => {
                same[at] = follows(parts.k as usize);
                continue;
            }
            code if is_conditional(code) => {
                (code, parts.k, follows(usize::from(parts.then)), follows(usize::from(parts.otherwise)))
            }
            code => (code, parts.k, follows(0), 0),
        };
        same[at] = *meanings.entry(meaning).or_insert(at);
    }
    // Where a conditional jump goes now. An unconditional one reaches everything, and stays.
    let target = |at: usize, by: u8| {
        let before = at + 1 + usize::from(by);
        if same[before] - at - 1 <= 255 { same[before] } else { before }
    };
    let goes = |at: usize| -> Vec<usize> {
        let parts = Parts::of(program[at]);
        match parts.code {
            RET => vec![],
            JA => vec![at + 1 + parts.k as usize],
            code if is_conditional(code) => vec![target(at, parts.then), target(at, parts.otherwise)],
            _ => vec![at + 1],
        }
    };
    let (mut reached, mut open) = (vec![false; program.len()], vec![0]);
    while let Some(at) = open.pop() {
        if !reached[at] {
            reached[at] = true;
            open.extend(goes(at));
        }
    }
    // What is left out between two places only brings them nearer.
    let distance = |from: usize, to: usize| reached[from + 1..to].iter().filter(|kept| **kept).count();
    let near = |from: usize, to: usize| u8::try_from(distance(from, to)).expect("it was reached before");
    let rewrite = |at: usize| {
        let parts = Parts::of(program[at]);
        match (parts.code, goes(at).as_slice()) {
            (JA, [to]) => jump(u32::try_from(distance(at, *to)).expect("a program is short")),
            (code, [then, otherwise]) => instruction(code, near(at, *then), near(at, *otherwise), parts.k),
            _ => program[at],
        }
    };
    (0..program.len()).filter(|at| reached[*at]).map(rewrite).collect()
}

fn is_conditional(code: u16) -> bool {
    code & 0x07 == 0x05 && code != JA
}

const RET: u16 = 0x06;
const JA: u16 = 0x05;

/// An instruction, taken apart.
struct Parts {
    code: u16,
    then: u8,
    otherwise: u8,
    k: u32,
}

impl Parts {
    fn of([c0, c1, then, otherwise, k0, k1, k2, k3]: Instruction) -> Parts {
        Parts { code: u16::from_le_bytes([c0, c1]), then, otherwise, k: u32::from_le_bytes([k0, k1, k2, k3]) }
    }
}

fn check(rule: &Rule) -> Vec<Instruction> {
    let allow = vec![ret(Action::Allow)];
    match rule {
        Rule::Always(action) => vec![ret(*action)],
        Rule::RefuseAnyBit { argument, mask, errno } => {
            vec![load_argument(*argument), jump_any_bit(*mask, 0, 1), ret(Action::Errno(*errno)), ret(Action::Allow)]
        }
        Rule::RefuseEqual { argument, values, types, except, errno } => {
            let refused = || vec![ret(Action::Errno(*errno))];
            let types: Vec<u32> = types.iter().map(|kind| kind << 8).collect();
            let mut rest = Vec::new();
            if !types.is_empty() {
                rest.push(and(0xFF00));
            }
            rest.extend(if_any_loaded(&types, refused(), allow.clone()));
            let rest = if_any_loaded(except, allow, rest);
            if_any(load_argument(*argument), values, refused(), rest)
        }
        Rule::AllowEqual { argument, values, errno } => {
            if_any(load_argument(*argument), values, allow, vec![ret(Action::Errno(*errno))])
        }
        Rule::RefuseBits { first, second: (argument, mask), errno, otherwise } => {
            let mut block = Vec::new();
            if let Some((argument, mask)) = first {
                block.extend([load_argument(*argument), jump_any_bit(*mask, 0, 3)]);
            }
            block.extend([load_argument(*argument), jump_any_bit(*mask, 0, 1), ret(Action::Errno(*errno))]);
            block.extend(check(otherwise));
            block
        }
        Rule::AllowAnyBit { argument, mask, errno } => {
            vec![load_argument(*argument), jump_any_bit(*mask, 1, 0), ret(Action::Errno(*errno)), ret(Action::Allow)]
        }
        Rule::NotifyAnyBit { argument, mask } => {
            vec![load_argument(*argument), jump_any_bit(*mask, 0, 1), ret(Action::Notify), ret(Action::Allow)]
        }
        Rule::NotifyNoBit { argument, mask } => {
            vec![load_argument(*argument), jump_any_bit(*mask, 1, 0), ret(Action::Notify), ret(Action::Allow)]
        }
        Rule::NotifyUnless { equal, null } => {
            let mut block = Vec::new();
            if let Some(argument) = null {
                // Both halves: no address is left out.
                block.extend([load_argument(*argument), jump_equal(0, 0, 3), load_upper(*argument), jump_equal(0, 0, 1)]);
                block.push(ret(Action::Allow));
            }
            for (argument, value) in equal {
                block.extend([load_argument(*argument), jump_equal(*value, 1, 0), ret(Action::Notify)]);
            }
            block.push(ret(Action::Allow));
            block
        }
        Rule::SocketPair { unix } | Rule::Socket { inet: false, unix } => {
            if_any(load_argument(0), &[AF_UNIX], unix_socket(*unix), vec![ret(Action::Errno(EAFNOSUPPORT))])
        }
        Rule::Socket { inet: true, unix } => {
            let refused = || vec![ret(Action::Errno(EPROTONOSUPPORT))];
            let protocol = if_any(load_argument(2), &[IPPROTO_DEFAULT, IPPROTO_TCP, IPPROTO_UDP], allow.clone(), refused());
            let mut kind = vec![load_argument(1), and(SOCK_TYPE_MASK)];
            kind.extend(if_any_loaded(&[SOCK_STREAM, SOCK_DGRAM], protocol, refused()));
            let mut netlink = vec![load_argument(2)];
            netlink.extend(if_any_loaded(&[NETLINK_ROUTE], allow.clone(), refused()));
            let other = if_any_loaded(&[AF_NETLINK], netlink, vec![ret(Action::Errno(EAFNOSUPPORT))]);
            let family = if_any_loaded(&[AF_INET, AF_INET6], kind, other);
            if_any(load_argument(0), &[AF_UNIX], unix_socket(*unix), family)
        }
    }
}

fn unix_socket(unix: Unix) -> Vec<Instruction> {
    let allow = vec![ret(Action::Allow)];
    match unix {
        Unix::All => allow,
        Unix::Connected => {
            let mut block = vec![load_argument(1), and(SOCK_TYPE_MASK)];
            block.extend(if_any_loaded(&[SOCK_STREAM, SOCK_SEQPACKET], allow, vec![ret(Action::Errno(ESOCKTNOSUPPORT))]));
            block
        }
    }
}

/// Loads, and goes to `then` when the value is one of `values`, to `otherwise` when not.
fn if_any(load: Instruction, values: &[u32], then: Vec<Instruction>, otherwise: Vec<Instruction>) -> Vec<Instruction> {
    let mut block = vec![load];
    block.extend(if_any_loaded(values, then, otherwise));
    block
}

fn if_any_loaded(values: &[u32], then: Vec<Instruction>, otherwise: Vec<Instruction>) -> Vec<Instruction> {
    let mut block: Vec<Instruction> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let distance = values.len() - index - 1 + otherwise.len();
        // The blocks of one rule are a dozen instructions; a longer one falls back to the refusal, never past it.
        block.push(jump_equal(*value, u8::try_from(distance).unwrap_or(0), 0));
    }
    block.extend(otherwise);
    block.extend(then);
    block
}

fn load(offset: u32) -> Instruction {
    instruction(0x20, 0, 0, offset)
}

/// Loads the low half of an argument: the kernel reads no more of the ones that are checked.
fn load_argument(index: u8) -> Instruction {
    load(ARGS + 8 * u32::from(index))
}

fn load_upper(index: u8) -> Instruction {
    load(ARGS + 8 * u32::from(index) + 4)
}

fn and(mask: u32) -> Instruction {
    instruction(0x54, 0, 0, mask)
}

fn jump(distance: u32) -> Instruction {
    instruction(0x05, 0, 0, distance)
}

fn jump_equal(value: u32, then: u8, otherwise: u8) -> Instruction {
    instruction(0x15, then, otherwise, value)
}

fn jump_at_least(value: u32, then: u8, otherwise: u8) -> Instruction {
    instruction(0x35, then, otherwise, value)
}

fn jump_any_bit(mask: u32, then: u8, otherwise: u8) -> Instruction {
    instruction(0x45, then, otherwise, mask)
}

fn ret(action: Action) -> Instruction {
    let value = match action {
        Action::Allow => 0x7FFF_0000,
        Action::Errno(errno) => 0x0005_0000 | u32::from(errno),
        Action::KillProcess => 0x8000_0000,
        Action::Notify => 0x7FC0_0000,
    };
    instruction(0x06, 0, 0, value)
}

fn instruction(code: u16, then: u8, otherwise: u8, k: u32) -> Instruction {
    let [c0, c1] = code.to_le_bytes();
    let [k0, k1, k2, k3] = k.to_le_bytes();
    [c0, c1, then, otherwise, k0, k1, k2, k3]
}
