//! Makes the seccomp programs ahead: `policies/seccomp/task.json` becomes arrays of instructions in the binary, one for
//! each combination of what a plan may ask for.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a build that cannot make its filter must stop; a JSON value without the key is null, which no use takes"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

use assemble::{Action, Rule, UNKNOWN, Unix, assemble};
use serde_json::Value;

#[path = "src/seccomp/assemble.rs"]
mod assemble;

const DATA: &str = "../../policies/seccomp/task.json";

fn main() {
    println!("cargo::rerun-if-changed={DATA}");
    println!("cargo::rerun-if-changed=src/seccomp/assemble.rs");
    let text = fs::read_to_string(DATA).expect("policies/seccomp/task.json is readable");
    let data: Value = serde_json::from_str(&text).expect("policies/seccomp/task.json is JSON");
    let target = Target::of(&env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the architecture"));

    // In the order in which `SeccompProgram::instructions` counts.
    let mut all = String::new();
    for number in 0..32 * METADATA.len() {
        let bit = |bit: u32| (number >> bit) & 1 == 1;
        let metadata = METADATA[number / 32];
        let wanted = Wanted { inet: bit(0), ipc: bit(1), creation: bit(2), programs_in_memory: bit(3), ptrace: bit(4), metadata };
        let rules = rules(&data, &target, &wanted);
        let program = assemble(target.audit_arch, target.x32, &rules, UNKNOWN, Action::KillProcess);
        write!(all, "&{program:?},").expect("memory");
    }
    // Whatever it does not ask about is the other filter's to decide.
    let observing = assemble(target.audit_arch, target.x32, &observed(&data, &target), Action::Allow, Action::Allow);
    let execve = (target.number)("execve").expect("every architecture has execve");
    let out = format!(
        "pub(super) static ALL: [&[[u8; 8]]; {}] = [{all}];\n\
         pub(super) static OBSERVING: &[[u8; 8]] = &{observing:?};\n\
         pub(super) const EXECVE: u32 = {execve};",
        32 * METADATA.len()
    );
    let path = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("filters.rs");
    fs::write(path, out).expect("OUT_DIR is writable");
}

struct Target {
    audit_arch: u32,
    /// The `x86_64` kernel may take calls of the x32 ABI, which set bit 30 of the number.
    x32: bool,
    number: fn(&str) -> Option<u32>,
}

impl Target {
    fn of(arch: &str) -> Target {
        match arch {
            "x86_64" => Target {
                audit_arch: 0xC000_003E,
                x32: true,
                number: |name| name.parse::<syscalls::x86_64::Sysno>().ok().and_then(|call| u32::try_from(call.id()).ok()),
            },
            "aarch64" => Target {
                audit_arch: 0xC000_00B7,
                x32: false,
                number: |name| name.parse::<syscalls::aarch64::Sysno>().ok().and_then(|call| u32::try_from(call.id()).ok()),
            },
            other => panic!("there is no seccomp filter for {other}: add its numbers to crates/sandbox/build.rs"),
        }
    }
}

/// What a plan asks of its program, as `seccomp::SeccompProgram`.
#[allow(clippy::struct_excessive_bools, reason = "each chooses the rule of some calls, independent of the others")]
struct Wanted {
    inet: bool,
    ipc: bool,
    creation: bool,
    programs_in_memory: bool,
    ptrace: bool,
    metadata: Metadata,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metadata {
    Free(SetGroupId),
    Decided,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SetGroupId {
    Free,
    Decided,
    Refused,
}

const METADATA: [Metadata; 5] = [
    Metadata::Free(SetGroupId::Free),
    Metadata::Free(SetGroupId::Decided),
    Metadata::Free(SetGroupId::Refused),
    Metadata::Decided,
    Metadata::Refused,
];

const EPERM: u16 = 1;
const EINVAL: u16 = 22;

fn rules(data: &Value, target: &Target, wanted: &Wanted) -> BTreeMap<u32, Rule> {
    const EACCES: u16 = 13;
    let mut rules = BTreeMap::new();
    let mut add = |name: &str, rule: Rule| {
        // Some calls exist on one architecture only; a name that no architecture has is a misspelling.
        let known = name.parse::<syscalls::x86_64::Sysno>().is_ok() || name.parse::<syscalls::aarch64::Sysno>().is_ok();
        assert!(known, "`{name}` in {DATA} is no system call");
        if let Some(number) = (target.number)(name) {
            assert!(rules.insert(number, rule).is_none(), "`{name}` stands twice in {DATA}");
        }
    };
    for name in strings(&data["allow"]["calls"]) {
        add(name, Rule::Always(Action::Allow));
    }
    for name in strings(&data["ipc"]["calls"]) {
        add(name, Rule::Always(if wanted.ipc { Action::Allow } else { Action::Errno(EPERM) }));
    }
    for name in strings(&data["metadata"]["calls"]) {
        add(
            name,
            Rule::Always(match wanted.metadata {
                Metadata::Free(_) => Action::Allow,
                Metadata::Decided => Action::Notify,
                Metadata::Refused => Action::Errno(EPERM),
            }),
        );
    }
    for name in strings(&data["connect"]["calls"]) {
        add(
            name,
            Rule::Always(match wanted.metadata {
                Metadata::Free(_) => Action::Allow,
                Metadata::Decided => Action::Notify,
                // A filter cannot see the family: where there is a network, that goes on.
                Metadata::Refused => {
                    if wanted.inet {
                        Action::Allow
                    } else {
                        Action::Errno(EACCES)
                    }
                }
            }),
        );
    }
    for (name, asks) in processes(data) {
        add(&name, if wanted.metadata == Metadata::Decided { asks } else { Rule::Always(Action::Allow) });
    }
    for name in strings(&data["creation"]["calls"]) {
        add(name, Rule::Always(if wanted.creation { Action::Notify } else { Action::Allow }));
    }
    for entry in data["creation"]["byFlag"].as_array().expect("byFlag is a list") {
        let name = entry["call"].as_str().expect("call is a name");
        let argument = u8::try_from(entry["argument"].as_u64().expect("argument is a number")).expect("argument is small");
        let mask = hex(entry["anyBit"].as_str().expect("anyBit is a number"));
        add(name, if wanted.creation { Rule::NotifyAnyBit { argument, mask } } else { Rule::Always(Action::Allow) });
    }
    for name in strings(&data["ptrace"]["calls"]) {
        add(name, Rule::Always(if wanted.ptrace { Action::Allow } else { Action::Errno(EPERM) }));
    }
    for group in data["refuse"].as_array().expect("refuse is a list") {
        for name in strings(&group["calls"]) {
            add(name, Rule::Always(Action::Errno(EPERM)));
        }
    }
    for entry in data["arguments"].as_array().expect("arguments is a list") {
        let name = entry["call"].as_str().expect("call is a name");
        let (test, refuses) = match (&entry["refuse"], &entry["allow"]) {
            (test, Value::Null) => (test, true),
            (Value::Null, test) => (test, false),
            _ => panic!("`{name}` in {DATA} has both refuse and allow, or neither"),
        };
        let argument = u8::try_from(test["argument"].as_u64().expect("argument is a number")).expect("argument is small");
        add(
            name,
            match (&test["anyBit"], refuses) {
                (Value::String(mask), true) => Rule::RefuseAnyBit { argument, mask: hex(mask), errno: EPERM },
                (Value::Null, true) => Rule::RefuseEqual {
                    argument,
                    values: numbers(&test["equals"]),
                    types: numbers_or_none(&test["types"]),
                    except: numbers_or_none(&test["except"]),
                    errno: EPERM,
                },
                (Value::Null, false) => Rule::AllowEqual { argument, values: numbers(&test["equals"]), errno: EPERM },
                _ => panic!("`{name}` in {DATA} has a test that is not known"),
            },
        );
    }
    for name in strings(&data["removal"]["calls"]) {
        let asks = wanted.creation && wanted.metadata == Metadata::Decided;
        add(name, Rule::Always(if asks { Action::Notify } else { Action::Allow }));
    }
    let sealed = Rule::AllowAnyBit { argument: 1, mask: hex("0x8"), errno: EACCES };
    for name in strings(&data["memory"]["calls"]) {
        add(name, if wanted.programs_in_memory { Rule::Always(Action::Allow) } else { sealed.clone() });
    }
    let unix = if matches!(wanted.metadata, Metadata::Free(_)) { Unix::All } else { Unix::Connected };
    add("socket", Rule::Socket { inet: wanted.inet, unix });
    add("socketpair", Rule::SocketPair { unix });
    refuse_set_id(data, target, wanted.metadata, &mut rules);
    refuse_whiteouts(data, target, &mut rules);
    rules
}

/// Puts a test of the flag before the rule of the call that has it.
fn refuse_whiteouts(data: &Value, target: &Target, rules: &mut BTreeMap<u32, Rule>) {
    let whiteout = &data["whiteout"];
    let Some(number) = (target.number)(whiteout["call"].as_str().expect("call is a name")) else { return };
    let argument = u8::try_from(whiteout["argument"].as_u64().expect("argument is a number")).expect("argument is small");
    let mask = hex(whiteout["anyBit"].as_str().expect("anyBit is a number"));
    let otherwise = Box::new(rules.remove(&number).expect("the call has a rule"));
    rules.insert(number, Rule::RefuseBits { first: None, second: (argument, mask), errno: EINVAL, otherwise });
}

/// The calls that may name another process, each with the rule that asks where they do.
fn processes(data: &Value) -> Vec<(String, Rule)> {
    let small = |value: &Value| u8::try_from(value.as_u64().expect("a number")).expect("a small number");
    let own = |entry: &Value| -> Vec<(u8, u32)> {
        let tests = entry["own"].as_array().expect("own is a list").iter();
        tests.map(|test| (small(&test["argument"]), hex(test["equals"].as_str().expect("a number in hexadecimal")))).collect()
    };
    let rule = |entry: &Value| {
        let reads = entry.get("reads").map(small);
        (entry["call"].as_str().expect("call is a name").to_owned(), Rule::NotifyUnless { equal: own(entry), null: reads })
    };
    data["processes"]["calls"].as_array().expect("calls is a list").iter().map(rule).collect()
}

/// The rules of the filter that asks what is only looked at: the calls of `observed`, and all about which another filter may ask,
/// because a task has one listener, which belongs to this one.
fn observed(data: &Value, target: &Target) -> BTreeMap<u32, Rule> {
    let mut rules = BTreeMap::new();
    let mut add = |name: &str, rule: Rule| {
        let known = name.parse::<syscalls::x86_64::Sysno>().is_ok() || name.parse::<syscalls::aarch64::Sysno>().is_ok();
        assert!(known, "`{name}` in {DATA} is no system call");
        if let Some(number) = (target.number)(name) {
            assert!(rules.insert(number, rule).is_none(), "`{name}` is observed twice in {DATA}");
        }
    };
    for list in ["observed", "metadata", "connect", "creation", "removal"] {
        for name in strings(&data[list]["calls"]) {
            add(name, Rule::Always(Action::Notify));
        }
    }
    for (name, asks) in processes(data) {
        add(&name, asks);
    }
    let flags = |entry: &Value| {
        let argument = u8::try_from(entry["argument"].as_u64().expect("argument is a number")).expect("argument is small");
        (argument, hex(entry["anyBit"].as_str().expect("anyBit is a number")))
    };
    for entry in data["observed"]["when"].as_array().expect("when is a list") {
        let (argument, mask) = flags(entry);
        add(entry["call"].as_str().expect("call is a name"), Rule::NotifyAnyBit { argument, mask });
    }
    for entry in data["observed"]["unless"].as_array().expect("unless is a list") {
        let (argument, mask) = flags(entry);
        add(entry["call"].as_str().expect("call is a name"), Rule::NotifyNoBit { argument, mask });
    }
    rules
}

/// Puts a test of the mode before the rules of the calls that have one.
fn refuse_set_id(data: &Value, target: &Target, metadata: Metadata, rules: &mut BTreeMap<u32, Rule>) {
    const S_ISUID: u32 = 0o4000;
    const S_ISGID: u32 = 0o2000;
    // O_CREAT and __O_TMPFILE: without one of them the mode is not read, and may be anything.
    const MAKES: u32 = 0x40_0040;
    let small = |value: &Value| u8::try_from(value.as_u64().expect("a number")).expect("a small number");
    let modes = |list: &str| -> Vec<(String, u8)> {
        let calls = data["setId"][list].as_object().expect("a list of calls is an object");
        calls.iter().map(|(name, mode)| (name.clone(), small(mode))).collect()
    };
    let mut wrap = |name: &str, first: Option<(u8, u32)>, mode: (u8, u32), decided: bool| {
        let Some(number) = (target.number)(name) else { return };
        let before = rules.remove(&number).expect("the call has a rule");
        let otherwise = Box::new(if decided { Rule::NotifyAnyBit { argument: mode.0, mask: S_ISGID } } else { before });
        rules.insert(number, Rule::RefuseBits { first, second: mode, errno: EPERM, otherwise });
    };
    for (name, mode) in modes("change") {
        let refused = if metadata == Metadata::Free(SetGroupId::Refused) { S_ISUID | S_ISGID } else { S_ISUID };
        wrap(&name, None, (mode, refused), metadata == Metadata::Free(SetGroupId::Decided));
    }
    for (name, mode) in modes("make") {
        wrap(&name, None, (mode, S_ISUID | S_ISGID), false);
    }
    for entry in data["setId"]["open"].as_array().expect("open is a list") {
        let mode = (small(&entry["mode"]), S_ISUID | S_ISGID);
        wrap(entry["call"].as_str().expect("call is a name"), Some((small(&entry["flags"]), MAKES)), mode, false);
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"))
}

fn numbers(value: &Value) -> Vec<u32> {
    strings(value).map(hex).collect()
}

fn numbers_or_none(value: &Value) -> Vec<u32> {
    if value.is_null() { Vec::new() } else { numbers(value) }
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number in hexadecimal")
}
