// `trunkline/testing`: what tests of upstream classes, and of code over shared clients, are made of. Works with any test runner.

export { mockUpstream, type MockEvent, type MockUpstream, type MockUpstreamOptions } from './mock-upstream';
export type { HeldCall } from './mock-script';
export { sharedGroup, type GroupClient, type GroupMember, type SharedGroup, type SharedGroupOptions } from './shared-group';
export { processGroup, type ProcessGroup, type ProcessGroupOptions } from './process-group';
export type { AskedNames, MemberContext, MemberModule, MemberSettings, ProcessMember, ToldBy } from './process-member';
export { faultProxy, type Direction, type FaultProxy } from './fault-proxy';
export { manualClock, type ManualClock } from './manual-clock';
export { waitFor, type WaitOptions } from './wait-for';
export { leakCheck, type LeakCheckOptions } from './leak-check';
