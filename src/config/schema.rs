//! The JSON Schema of the file, for editors; made from the types that read it.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::raw::File;

/// Keys that belong to one group alone and cannot be inherited.
pub(super) const OWN_KEYS: [&str; 4] = ["id", "name", "addresses", "excluded-addresses"];

/// The schema as JSON text, indented, with a newline at its end.
pub fn text() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>();
    let mut schema = schema.to_value();
    schema["title"] = json!("firsthop");
    forget_null(&mut schema);
    format!("{schema:#}\n")
}

/// A group's table from which nothing is required and to which nothing belongs that is one group's own.
pub(super) fn inheritable<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = T::json_schema(generator);
    schema.remove("required");
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| !OWN_KEYS.contains(&key.as_str()));
    }
    schema
}

/// TOML has no null: what may be left out may not be null.
fn forget_null(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(forget_null),
        Value::Object(schema) => {
            if let Some(Value::Array(types)) = schema.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    schema.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
                choices.retain(|choice| *choice != json!({ "type": "null" }));
                if let [only] = choices.as_mut_slice() {
                    let only = only.take();
                    schema.remove("anyOf");
                    // What is said of the key stands before what is said of its type.
                    for (name, value) in only.as_object().into_iter().flatten() {
                        schema.entry(name).or_insert_with(|| value.clone());
                    }
                }
            }
            schema.values_mut().for_each(forget_null);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::raw;
    use super::super::reader::Table;
    use super::*;

    /// The properties of a definition, or of the root.
    fn properties(schema: &Value) -> BTreeSet<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    fn keys<T: Table>() -> BTreeSet<String> {
        T::keys().into_iter().collect()
    }

    #[test]
    fn schema_and_reader_know_the_same_keys() {
        let schema: Value = serde_json::from_str(&text()).unwrap();
        assert_eq!(properties(&schema), keys::<raw::File>());
        let readers = [
            ("Daemon", keys::<raw::Daemon>()),
            ("Defaults", keys::<raw::Defaults>()),
            ("Interface", keys::<raw::Interface>()),
            ("Vrrp", keys::<raw::Vrrp>()),
            ("Carp", keys::<raw::Carp>()),
            ("Hsrp", keys::<raw::Hsrp>()),
            ("HsrpAuthentication", keys::<raw::HsrpAuthentication>()),
            ("Glbp", keys::<raw::Glbp>()),
            ("GlbpAuthentication", keys::<raw::GlbpAuthentication>()),
            ("ChainKey", keys::<raw::ChainKey>()),
            ("PeerTable", keys::<raw::PeerTable>()),
            ("Authentication", keys::<raw::Authentication>()),
            ("Key", keys::<raw::Key>()),
            ("Announce", keys::<raw::Announce>()),
            ("Hook", keys::<raw::Hook>()),
            ("RouterAdvertisement", keys::<raw::RouterAdvertisement>()),
        ];
        let tables = schema["$defs"].as_object().unwrap();
        for (name, keys) in &readers {
            assert_eq!(properties(&tables[*name]), *keys, "{name}");
            assert_eq!(tables[*name]["additionalProperties"], json!(false), "{name}");
        }
        let described: Vec<_> = tables.iter().filter(|(_, table)| table["properties"].is_object()).collect();
        assert_eq!(described.len(), readers.len(), "a table without a reader: {:?}", tables.keys());
        let inherited = properties(&tables["Defaults"]["properties"]["vrrp"]);
        let own = OWN_KEYS.map(str::to_owned).into();
        assert_eq!(inherited, &keys::<raw::Vrrp>() - &own);
        let inherited = properties(&tables["Defaults"]["properties"]["carp"]);
        assert_eq!(inherited, &keys::<raw::Carp>() - &own);
        let inherited = properties(&tables["Defaults"]["properties"]["hsrp"]);
        assert_eq!(inherited, &keys::<raw::Hsrp>() - &own);
        let inherited = properties(&tables["Defaults"]["properties"]["glbp"]);
        assert_eq!(inherited, &keys::<raw::Glbp>() - &own);
    }

    #[test]
    fn a_group_needs_its_number_and_addresses() {
        let schema: Value = serde_json::from_str(&text()).unwrap();
        assert_eq!(schema["$defs"]["Vrrp"]["required"], json!(["id", "addresses"]));
        assert_eq!(schema["$defs"]["Hsrp"]["required"], json!(["id"]));
        assert_eq!(schema["$defs"]["Glbp"]["required"], json!(["id"]));
    }
}
