//! Cases, spoilt in every field.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::Value;

/// All values of a case that are no objects or arrays, as JSON pointers.
pub(crate) fn fields(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| fields(value, &format!("{path}/{key}"), out));
        }
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(i, value)| fields(value, &format!("{path}/{i}"), out));
        }
        _ => out.push(path.to_owned()),
    }
}

/// The value of a field, changed a little, in all ways that are tried.
fn mutants(field: &str, value: &Value) -> Vec<Value> {
    match value {
        // Suites 1 to 3 have one hash and KDF, so that not every file can tell them apart; suite 4 has nothing of suite 1.
        Value::Number(_) if field == "/cipher_suite" => vec![Value::from(4)],
        Value::Null => vec![Value::from(0), Value::from("00")],
        Value::Number(number) => vec![Value::from(number.as_u64().unwrap().wrapping_add(1))],
        Value::String(text) if text.is_empty() => vec![Value::from("00")],
        Value::String(text) => {
            let mut places = vec![0, text.len() / 2, text.len() - 1];
            places.dedup();
            places.into_iter().map(|place| Value::from(change(text, place))).collect()
        }
        other => panic!("no field of the vectors: {other}"),
    }
}

pub(crate) fn change(text: &str, place: usize) -> String {
    let change = |c: char| match c.to_digit(16) {
        Some(digit) => char::from_digit(digit ^ 1, 16).unwrap(),
        None => 'z',
    };
    text.chars().enumerate().map(|(i, c)| if i == place { change(c) } else { c }).collect()
}

/// Changes every field of a case in every way; returns the fields of which a mutant passes all the same.
pub(crate) fn survivors(case: &Value, passes: impl Fn(&Value) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    fields(case, "", &mut all);
    assert!(!all.is_empty());
    let mut survivors = Vec::new();
    for field in all {
        let value = case.pointer(&field).unwrap();
        for mutant in mutants(&field, value) {
            let mut changed = case.clone();
            *changed.pointer_mut(&field).unwrap() = mutant;
            if passes(&changed) {
                survivors.push(field.clone());
            }
        }
    }
    survivors.dedup();
    survivors
}
