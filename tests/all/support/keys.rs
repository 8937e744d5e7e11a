//! Group keys that Microsoft's tutorial publishes, and the names that go with them.

/// The ID scope of every service here.
pub const SCOPE: &str = "0ne00002193";
/// The tutorial's key of its group of toasters.
pub const TUTORIAL_KEY: &str =
    "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
/// The tutorial's key of the group for simulated devices.
pub const SIMULATED_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
