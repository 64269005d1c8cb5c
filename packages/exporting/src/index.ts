export {
  type CollectorAddress,
  parseCollectorAddress,
  SUPPORTED_TRANSPORTS,
  TRANSPORTS,
  type Transport,
} from './collector-address.ts';
export { defaultProfilePath, loadProfile, type Profile, parseProfile } from './profile.ts';
export { describeProfile, printableProfile, reasonDisabled } from './profile-description.ts';
export { DIRECTIONS, type Direction, PROFILE_PROPERTIES } from './profile-properties.ts';
