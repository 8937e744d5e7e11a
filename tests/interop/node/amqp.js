// AMQP, by host:port.
'use strict';
require('./witness').main(require('./device').cases('amqp'));
