// Compiled, never run: what a test in TypeScript may write.
import { ProvisionSimError, refuse, startDps } from 'provision-sim';
import type { AllocationRequest, Dps, Fault, JournalEntry } from 'provision-sim';

await using dps: Dps = await startDps({
  hubs: ['hub-west.azure-devices.net'],
  retryAfter: 0,
  allocation: (request: AllocationRequest) => {
    const { registrationId, payload } = request.deviceRuntimeContext;
    if (payload === undefined) return refuse('no payload');
    if (registrationId.startsWith('a')) return request.linkedHubs[0]!;
    return { iotHubHostName: 'hub-west.azure-devices.net', initialTwin: { tags: { site: 1 } }, payload: [1] };
  },
});
using interception = dps.intercept();
const key: string = dps.deviceKey('pump-1');
const pump = await dps.enroll({ registrationId: 'pump-1', deviceId: 'a', hub: dps.hubs[0]! });
await dps.enroll({ group: 'pumps', allocation: async () => 'hub-west.azure-devices.net', disabled: true });
// @ts-expect-error: it is for one device or for many
await dps.enroll({ registrationId: 'a', group: 'b' });
// @ts-expect-error: it is for one device or for many
await dps.enroll({});
await dps.enroll({ registrationId: 'b', endorsementKey: 'AAAA', members: { certificatePolicyName: 'default' } });
await pump.disable();
const entry: JournalEntry = await dps.waitForRegistration('pump-1', { timeout: 1000, status: 'assigned' });
if (entry.status === 'refused') throw new Error(entry.failedCheck ?? undefined);
const issued: string | undefined = entry.certificate?.notAfter ?? entry.renewals[0]?.certificate?.notAfter;
if (entry.challenge?.answered === null) throw new Error(issued);
const hub: string | undefined = (await dps.registration('pump-1'))?.assignedHub;
const interval: number = (await dps.twin('pump-1'))?.desired.interval;
await dps.setDesired('pump-1', { interval: interval + 1, old: null }, hub);
{
  await using fault: Fault = await dps.fault('poll status=503 times=2');
  const struck: number = await fault.struck();
  if (struck > 2) throw new Error(`${fault.id} ${fault.rule}`);
}
await dps.clearFaults();
try {
  await dps.reset();
} catch (error) {
  const explained: ProvisionSimError = await dps.explained(error);
  throw new Error(explained.conversation + key + dps.gateway?.length + Object.keys(dps.env));
}
