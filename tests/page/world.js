// A service in which something has happened, for pictures and checks of every page.
'use strict';
const { connect, register, report } = require('../../packaging/npm/test/devices');

/** Devices of all fates, enrollments of all kinds, a connected device; `dps` must intercept. */
async function lived(dps) {
  const came = (registrationId, key, more) => register({ ...dps, registrationId, key, ...more }).catch((error) => error);
  const firmware = { MyDeviceFirmwareVersion: '12.0.2.5', MyDeviceProvisioningVersion: '1.0.0.0', room: 'Küche' };
  await came('contoso-toaster-007', dps.deviceKey('contoso-toaster-007'), { payload: firmware });
  await came('contoso-heatpump-088', dps.deviceKey('contoso-heatpump-088'), { over: 'Http' });
  await came('pump-wrong-key', dps.deviceKey('another-pump'));
  await came('a-device-with-a-name-that-is-as-long-as-names-of-devices-may-be-and-has-nowhere-to-break-in-it'.repeat(2).slice(0, 128), dps.deviceKey('x'));
  const disabled = await dps.enroll({ registrationId: 'kettle-1', disabled: true });
  await came('kettle-1', disabled.primaryKey);
  await dps.enroll({ group: 'ovens', hub: dps.hubs[0], initialTwin: { tags: { site: 'b1' } } });
  const pump = await dps.enroll({
    registrationId: 'pump-1',
    deviceId: 'pump-1-at-its-hub',
    initialTwin: { tags: { site: 'b1', floor: 3 }, properties: { desired: { interval: 30, names: ['a', 'b'] } } },
  });
  const { assignedHub, deviceId } = await register({ ...dps, registrationId: 'pump-1', key: pump.primaryKey });
  const device = await connect({ assignedHub, deviceId, key: pump.primaryKey });
  await report(await device.getTwin(), { firmware: '1.2', slots: { left: 1 } });
  return { device, pump, deviceId, hub: assignedHub };
}

module.exports = { lived };
