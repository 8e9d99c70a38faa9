/** Finding peers through trackers. */

export { Announcer, type AnnouncerOptions } from './announcer.ts';
export { httpTrackers, type ScrapeOptions, scrape } from './http-tracker.ts';
export { OfferBudget, type OfferBudgetOptions } from './offer-budget.ts';
export {
  SwarmAnnouncers,
  type SwarmAnnouncersObserver,
  type SwarmAnnouncersOptions,
} from './swarm-announcers.ts';
export { TrackerSockets, type TrackerSocketsOptions } from './tracker-sockets.ts';
export type {
  AnnouncerObserver,
  AnnounceStats,
  AnnounceSummary,
  HttpTrackerOptions,
  OpenHttpTracker,
  TrackerState,
  TrackerStatus,
} from './types.ts';
