import { type ComponentType, lazy } from 'react';
import type { SessionUser } from '../access/access-contract.ts';
import {
  AccessIcon,
  AgentsIcon,
  AlertsIcon,
  BillingIcon,
  CapacityIcon,
  ChangesIcon,
  DashboardsIcon,
  ExploreIcon,
  ExportersIcon,
  FlowsIcon,
  MapIcon,
  OverviewIcon,
  PerformanceIcon,
  PersonIcon,
  PolicyIcon,
  ReportsIcon,
  SourcesIcon,
  SqlIcon,
  SubjectsIcon,
  TopologyIcon,
} from '../widgets/icons.tsx';

/** What pages are about, in the order in which they are listed. */
export const SECTIONS = ['Traffic', 'Analysis', 'Collection', 'Weir'] as const;

export interface PageEntry {
  path: string;
  section: (typeof SECTIONS)[number];
  name: string;
  /** What is found there, for the palette. */
  about: string;
  /** `g` and this letter go there. */
  letter: string;
  Icon: ComponentType<{ className?: string }>;
  Page: ComponentType;
  /** False: neither time nor filter concern it. */
  asksFlows: boolean;
  /** The time concerns it, the filter does not. */
  withoutFilter?: true;
  /** Left out: everybody. */
  shownTo?: (user: SessionUser) => boolean;
}

/** What these pages show cannot be narrowed to a part of the flows; the server refuses it to who may see only that. */
const seesAll = ({ rowFilter }: SessionUser): boolean => rowFilter === '';

/** Every page is a file of its own that loads when it is opened first. */
export const PAGES: readonly PageEntry[] = [
  {
    path: '/',
    section: 'Traffic',
    name: 'Overview',
    about: 'what the network carries now',
    letter: 'o',
    Icon: OverviewIcon,
    Page: lazy(async () => ({ default: (await import('../pages/overview-page.tsx')).OverviewPage })),
    asksFlows: true,
  },
  {
    path: '/explore',
    section: 'Traffic',
    name: 'Explore',
    about: 'any question, any chart',
    letter: 'e',
    Icon: ExploreIcon,
    Page: lazy(async () => ({ default: (await import('../pages/explore-page.tsx')).ExplorePage })),
    asksFlows: true,
  },
  {
    path: '/flows',
    section: 'Traffic',
    name: 'Flows',
    about: 'raw records, live tail, export',
    letter: 'f',
    Icon: FlowsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/flows-page.tsx')).FlowsPage })),
    asksFlows: true,
  },
  {
    path: '/topology',
    section: 'Traffic',
    name: 'Topology',
    about: 'who talks to whom, drops, what is new',
    letter: 't',
    Icon: TopologyIcon,
    Page: lazy(async () => ({ default: (await import('../pages/topology-page.tsx')).TopologyPage })),
    asksFlows: true,
  },
  {
    path: '/map',
    section: 'Traffic',
    name: 'Map',
    about: 'traffic by country',
    letter: 'm',
    Icon: MapIcon,
    Page: lazy(async () => ({ default: (await import('../pages/map-page.tsx')).MapPage })),
    asksFlows: true,
  },
  {
    path: '/sql',
    section: 'Traffic',
    name: 'SQL',
    about: 'ask the records in SQL',
    letter: 'q',
    Icon: SqlIcon,
    Page: lazy(async () => ({ default: (await import('../pages/sql-page.tsx')).SqlPage })),
    asksFlows: true,
    withoutFilter: true,
    shownTo: seesAll,
  },
  {
    path: '/dashboards',
    section: 'Traffic',
    name: 'Dashboards',
    about: 'what you look at every day, side by side',
    letter: 'd',
    Icon: DashboardsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/dashboards-page.tsx')).DashboardsPage })),
    asksFlows: true,
  },
  {
    path: '/alerts',
    section: 'Analysis',
    name: 'Alerts',
    about: 'scans, beacons, floods: what was found, and why',
    letter: 'a',
    Icon: AlertsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/alerts-page.tsx')).AlertsPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/performance',
    section: 'Analysis',
    name: 'Performance',
    about: 'round trips, packets sent again, loss on the way',
    letter: 'l',
    Icon: PerformanceIcon,
    Page: lazy(async () => ({ default: (await import('../pages/performance-page.tsx')).PerformancePage })),
    asksFlows: true,
  },
  {
    path: '/users-and-hosts',
    section: 'Analysis',
    name: 'Users and hosts',
    about: 'who used what, when, with whom',
    letter: 'u',
    Icon: SubjectsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/subjects-page.tsx')).SubjectsPage })),
    asksFlows: true,
  },
  {
    path: '/changes',
    section: 'Analysis',
    name: 'What changed',
    about: 'new, gone, grown, shrunk, and what explains it',
    letter: 'v',
    Icon: ChangesIcon,
    Page: lazy(async () => ({ default: (await import('../pages/changes-page.tsx')).ChangesPage })),
    asksFlows: true,
  },
  {
    path: '/policy',
    section: 'Analysis',
    name: 'Policy',
    about: 'what is allowed, what is dropped, what should not be there',
    letter: 'p',
    Icon: PolicyIcon,
    Page: lazy(async () => ({ default: (await import('../pages/policy-page.tsx')).PolicyPage })),
    asksFlows: true,
    shownTo: seesAll,
  },
  {
    path: '/billing',
    section: 'Analysis',
    name: 'Billing',
    about: 'who is billed what, and how far from the commit',
    letter: 'b',
    Icon: BillingIcon,
    Page: lazy(async () => ({ default: (await import('../pages/billing-page.tsx')).BillingPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/capacity',
    section: 'Analysis',
    name: 'Capacity',
    about: 'how full links are, and when they will be',
    letter: 'c',
    Icon: CapacityIcon,
    Page: lazy(async () => ({ default: (await import('../pages/capacity-page.tsx')).CapacityPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/reports',
    section: 'Analysis',
    name: 'Reports',
    about: 'made by the clock, kept, and sent',
    letter: 'r',
    Icon: ReportsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/reports-page.tsx')).ReportsPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/sources',
    section: 'Collection',
    name: 'Sources',
    about: 'what the collector takes records from',
    letter: 's',
    Icon: SourcesIcon,
    Page: lazy(async () => ({ default: (await import('../pages/sources-page.tsx')).SourcesPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/exporters',
    section: 'Collection',
    name: 'Exporters',
    about: 'who exports, and how they fare',
    letter: 'x',
    Icon: ExportersIcon,
    Page: lazy(async () => ({ default: (await import('../pages/exporters-page.tsx')).ExportersPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/agents',
    section: 'Collection',
    name: 'Agents',
    about: 'exporters of our own, and their settings',
    letter: 'n',
    Icon: AgentsIcon,
    Page: lazy(async () => ({ default: (await import('../pages/agents-page.tsx')).AgentsPage })),
    asksFlows: false,
    shownTo: seesAll,
  },
  {
    path: '/access',
    section: 'Weir',
    name: 'Access',
    about: 'users, what they see, tokens, audit log',
    letter: 'w',
    Icon: AccessIcon,
    Page: lazy(async () => ({ default: (await import('../pages/access-page.tsx')).AccessPage })),
    asksFlows: false,
    shownTo: ({ role }) => role === 'admin',
  },
  {
    path: '/account',
    section: 'Weir',
    name: 'Account',
    about: 'your password, and tokens for your programs',
    letter: 'y',
    Icon: PersonIcon,
    Page: lazy(async () => ({ default: (await import('../pages/account-page.tsx')).AccountPage })),
    asksFlows: false,
    shownTo: ({ kind }) => kind !== 'local',
  },
];

export const pageAt = (path: string): PageEntry | undefined => PAGES.find((page) => page.path === path);
