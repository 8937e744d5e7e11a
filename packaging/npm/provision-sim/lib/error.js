// What goes wrong here, with what the service had to say about it.
'use strict';

/** `conversation` is what the service saw and logged, also part of the message. */
class ProvisionSimError extends Error {
  constructor(message, { conversation, cause } = {}) {
    super(conversation ? `${message}\n\n${conversation}` : message, cause && { cause });
    this.name = 'ProvisionSimError';
    this.conversation = conversation ?? '';
  }
}

module.exports = { ProvisionSimError };
