//! The description of an instance as the tools have it that manage Azure: `az iot dps show`, an ARM
//! template, the state of Terraform. Its linked hubs with their weights, its allocation policy and
//! its ID scope become a configuration; its keys are masked there, and not needed.

use serde_json::{Map, Value, json};

use super::Config;
use crate::text::{reason, seems};

/// What a description without an ID scope gets: the service gives it when the instance is made, so a
/// template has none (J-220).
const NO_SCOPE: &str = "0ne00000000";

const RESOURCE: &str = "Microsoft.Devices/provisioningServices";
const TERRAFORM: &str = "azurerm_iothub_dps";

impl Config {
    /// Reads the description of one instance. Its enrollments are not part of it.
    ///
    /// # Errors
    ///
    /// If it describes none or several, or says of a hub what cannot be served.
    pub fn from_description(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|_| {
            format!("expected the JSON of a provisioning service; it is {}", seems(text))
        })?;
        let mut found = Vec::new();
        find(&value, &mut found);
        let instance = match &found[..] {
            [one] => one,
            [] => return Err("it describes no provisioning service".to_owned()),
            several => {
                let names = several.iter().map(|it| format!("{:?}", it.name)).collect::<Vec<_>>();
                return Err(format!(
                    "it describes {} provisioning services, {}; give one",
                    several.len(),
                    names.join(", ")
                ));
            }
        };
        let config = instance.config()?;
        serde_json::from_value(config).map_err(|error| reason(&error))
    }
}

/// An instance, with the members of whichever tool wrote it.
struct Described<'a> {
    name: &'a str,
    members: &'a Value,
}

/// The instances in a value, in lists and below resources.
fn find<'a>(value: &'a Value, found: &mut Vec<Described<'a>>) {
    let name = value["name"].as_str().unwrap_or_default();
    let kind = value["type"].as_str().unwrap_or_default();
    let properties = &value["properties"];
    let is_resource = kind.eq_ignore_ascii_case(RESOURCE)
        || properties["iotHubs"].is_array()
        || properties["idScope"].is_string();
    if let Value::Array(items) = value {
        items.iter().for_each(|item| find(item, found));
    } else if kind == TERRAFORM {
        // Its state has a list, what `terraform show -json` prints the one.
        let instances = value["instances"].as_array().into_iter().flatten();
        let all = instances.map(|it| &it["attributes"]).chain([&value["values"]]);
        found.extend(
            all.filter(|it| it.is_object()).map(|members| Described {
                name: members["name"].as_str().unwrap_or(name),
                members,
            }),
        );
    } else if is_resource {
        found.push(Described { name, members: properties });
    } else if value["allocation_policy"].is_string() || value["linked_hub"].is_array() {
        found.push(Described { name, members: value });
    } else if value.is_object() {
        for inside in ["value", "resources", "values", "root_module", "child_modules"] {
            find(&value[inside], found);
        }
    }
}

impl Described<'_> {
    /// The member by the name that Azure has for it, or Terraform.
    fn get(&self, azure: &str, terraform: &str) -> &Value {
        match &self.members[azure] {
            Value::Null => &self.members[terraform],
            value => value,
        }
    }

    fn config(&self) -> Result<Value, String> {
        let hubs = self.get("iotHubs", "linked_hub").as_array().into_iter().flatten();
        let hubs = hubs.enumerate().map(|(index, hub)| linked_hub(index, hub));
        let mut config = json!({
            "idScope": self.get("idScope", "id_scope").as_str().unwrap_or_else(|| {
                tracing::warn!("the description has no ID scope; it is served as {NO_SCOPE} (J-220)");
                NO_SCOPE
            }),
            "linkedHubs": hubs.collect::<Result<Vec<_>, _>>()?,
        });
        if let Some(policy) = self.get("allocationPolicy", "allocation_policy").as_str() {
            let known = ["hashed", "geoLatency", "static"];
            let known = known.into_iter().find(|word| word.eq_ignore_ascii_case(policy));
            let policy =
                known.ok_or_else(|| format!("allocationPolicy: {policy:?} is not known"))?;
            config["allocationPolicy"] = policy.into();
        }
        Ok(config)
    }
}

/// A linked hub; its connection string, masked or not, is only asked for the host.
fn linked_hub(index: usize, hub: &Value) -> Result<Value, String> {
    let by_name = hub["name"].as_str().or_else(|| hub["hostname"].as_str());
    let connection = hub["connectionString"].as_str().or_else(|| hub["connection_string"].as_str());
    let by_connection = connection
        .and_then(|text| text.split(';').find_map(|part| part.trim().strip_prefix("HostName=")));
    let name = by_name.or(by_connection).ok_or_else(|| {
        // An expression of a template is computed when it is deployed.
        let is_computed = connection.is_some_and(|text| text.starts_with('['));
        let remedy = if is_computed {
            ": the template computes it; give what `az iot dps show` prints"
        } else {
            ""
        };
        format!("iotHubs[{index}]: it has no host name{remedy}")
    })?;
    if name.starts_with('[') {
        return Err(format!(
            "iotHubs[{index}]: the template computes its name; give what `az iot dps show` prints"
        ));
    }
    let mut table = Map::new();
    table.insert("name".to_owned(), name.into());
    for (member, names) in [
        ("allocationWeight", ["allocationWeight", "allocation_weight"]),
        ("applyAllocationPolicy", ["applyAllocationPolicy", "apply_allocation_policy"]),
    ] {
        let said = names.iter().map(|name| &hub[name]).find(|value| !value.is_null());
        // Terraform writes 0 for what is not set.
        let said = said.filter(|value| value.as_u64() != Some(0));
        table.extend(said.map(|value| (member.to_owned(), value.clone())));
    }
    Ok(table.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::AllocationPolicy;

    const MASKED: &str =
        "HostName=b.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=****";

    fn served(value: &Value) -> (String, Vec<(String, u16, bool)>, Option<AllocationPolicy>) {
        let config = Config::from_description(&value.to_string()).unwrap();
        let instance = config.instance().unwrap();
        let hubs = instance.linked_hubs.iter().map(|hub| {
            (hub.host_name.to_string(), hub.allocation_weight, hub.apply_allocation_policy)
        });
        (instance.id_scope.to_string(), hubs.collect(), instance.allocation_policy)
    }

    #[test]
    fn what_az_shows_is_served_with_its_weights_and_its_masked_keys() {
        let shown = json!({
            "name": "my-dps", "type": "Microsoft.Devices/provisioningServices", "etag": "x", "tags": {},
            "properties": {
                "allocationPolicy": "GeoLatency", "idScope": "0ne00AB12CD", "state": "Active",
                "iotHubs": [
                    {"name": "a.azure-devices.net", "connectionString": MASKED, "location": "westus",
                     "allocationWeight": 7, "applyAllocationPolicy": false},
                    {"name": null, "connectionString": MASKED, "location": "westus",
                     "allocationWeight": null, "applyAllocationPolicy": null}
                ]
            }
        });
        let hubs = vec![
            ("a.azure-devices.net".to_owned(), 7, false),
            ("b.azure-devices.net".to_owned(), 1, true),
        ];
        let expected = ("0ne00AB12CD".to_owned(), hubs, Some(AllocationPolicy::GeoLatency));

        assert_eq!(served(&shown), expected);
        assert_eq!(served(&json!([shown])), expected, "as `az iot dps list` has it");
        assert_eq!(served(&json!({"value": [shown]})), expected, "as the REST API has it");
    }

    #[test]
    fn j_220_a_template_has_no_id_scope_and_names_its_hubs_by_connection_string() {
        let template = json!({
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "resources": [
                {"type": "Microsoft.Devices/IotHubs", "name": "b"},
                {"type": "Microsoft.Devices/provisioningServices", "name": "[parameters('dps')]",
                 "properties": {"iotHubs": [{"connectionString": MASKED, "location": "westus"}]}}
            ]
        });

        let (scope, hubs, policy) = served(&template);

        assert_eq!((scope.as_str(), policy), (NO_SCOPE, None));
        assert_eq!(hubs, [("b.azure-devices.net".to_owned(), 1, true)]);
    }

    #[test]
    fn the_state_of_terraform_is_served() {
        let attributes = json!({
            "name": "my-dps", "allocation_policy": "Static", "id_scope": "0ne00AB12CD",
            "linked_hub": [{"hostname": "a.azure-devices.net", "connection_string": "HostName=a.azure-devices.net;SharedAccessKey=x",
                "location": "westus", "allocation_weight": 0, "apply_allocation_policy": true}]
        });
        let expected = (
            "0ne00AB12CD".to_owned(),
            vec![("a.azure-devices.net".to_owned(), 1, true)],
            Some(AllocationPolicy::Static),
        );
        let state = json!({"version": 4, "terraform_version": "1.9.0", "resources": [
            {"mode": "managed", "type": "azurerm_resource_group", "name": "x", "instances": [{"attributes": {"name": "x"}}]},
            {"mode": "managed", "type": TERRAFORM, "name": "this", "instances": [{"attributes": attributes}]}
        ]});
        let shown = json!({"format_version": "1.0", "values": {"root_module": {"child_modules": [
            {"resources": [{"type": TERRAFORM, "name": "this", "values": attributes}]}
        ]}}});

        assert_eq!(served(&state), expected);
        assert_eq!(served(&shown), expected);
    }

    #[test]
    fn what_describes_no_instance_or_several_or_what_cannot_be_served_is_told() {
        let told = |text: &str| Config::from_description(text).unwrap_err();
        let one = json!({"name": "a", "properties": {"idScope": "0ne1"}});
        let computed = json!({"properties": {"iotHubs": [{"connectionString": "[concat('a')]"}]}});

        assert!(told("").ends_with("it is an empty file"));
        assert!(told("idScope = \"0ne1\"").contains("it is TOML"));
        assert_eq!(told("{}"), "it describes no provisioning service");
        assert_eq!(
            told(&json!([one, one]).to_string()),
            "it describes 2 provisioning services, \"a\", \"a\"; give one"
        );
        assert!(
            told(&computed.to_string())
                .starts_with("iotHubs[0]: it has no host name: the template")
        );
        let custom = json!({"properties": {"idScope": "0ne1", "allocationPolicy": "Nearest"}});
        assert_eq!(told(&custom.to_string()), "allocationPolicy: \"Nearest\" is not known");
        let weight = json!({"properties": {"idScope": "0ne1", "iotHubs": [{"name": "a.b", "allocationWeight": "7"}]}});
        assert_eq!(
            told(&weight.to_string()),
            "expected a whole number from 0 to 65535, found a string"
        );
    }
}
