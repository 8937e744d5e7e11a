// MQTT over WebSocket.
'use strict';
require('./witness').main(require('./device').cases('mqttWs'));
