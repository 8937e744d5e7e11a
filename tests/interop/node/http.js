// HTTPS.
'use strict';
require('./witness').main(require('./device').cases('http'));
