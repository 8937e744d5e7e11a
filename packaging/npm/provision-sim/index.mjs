export { ProvisionSimError, binary, refuse, startDps } from './index.js';
