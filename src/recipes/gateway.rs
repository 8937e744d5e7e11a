//! How each kind of client is led through the gateway, a line for each.

use super::columns::columns;
use super::literal::literal;
use super::reach::host_and_port;

/// A line for each kind of client, in columns, as [`how_to_trust`](super::how_to_trust) has them.
/// `gateway` is `HOST:PORT`.
pub fn how_to_pass(gateway: &str) -> Vec<String> {
    let (host, port) = host_and_port(gateway);
    let host = literal(host);
    let url = format!("http://{gateway}");
    columns([
        (
            "C",
            format!(
                "HTTP_PROXY_OPTIONS {{ {host}, {port} }} as OPTION_HTTP_PROXY; the hub over MQTT_WebSocket_Protocol"
            ),
        ),
        (
            "Python",
            format!("proxy_options=ProxyOptions(\"HTTP\", {host}, {port}), for DPS and hub"),
        ),
        (
            "Node",
            format!(
                "new HttpsProxyAgent(\"{url}\") as https.globalAgent (Http), and as mqtt.webSocketAgent of the hub (MqttWs)"
            ),
        ),
        (".NET", format!("Proxy = new WebProxy(\"{url}\"), over WebSocket or HTTP")),
        (
            "Java",
            format!(
                "java -DsocksProxyHost={} -DsocksProxyPort={port} -Djdk.net.hosts.file=FILE …, where FILE has the names as 127.0.0.1",
                host_and_port(gateway).0
            ),
        ),
        ("az, requests", format!("HTTPS_PROXY={url}")),
        ("curl", format!("--proxy {url}, or HTTPS_PROXY")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_told_where_the_gateway_is() {
        let lines = how_to_pass("127.0.0.1:1080");

        assert!(lines.iter().all(|line| line.contains("127.0.0.1") && line.contains("1080")));
        assert!(lines[1].contains(r#"ProxyOptions("HTTP", "127.0.0.1", 1080)"#), "{}", lines[1]);
        assert!(how_to_pass("[::1]:1080")[1].contains(r#"("HTTP", "::1", 1080)"#));
    }
}
