// AMQP over WebSocket.
'use strict';
require('./witness').main(require('./device').cases('amqpWs'));
