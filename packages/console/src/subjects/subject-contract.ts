/** What the API tells of hosts, users and peers. */
import type { SubjectKind } from './subject-link.tsx';

interface Traffic {
  sent: number;
  received: number;
  flows: number;
}

export interface SubjectRow extends Traffic {
  value: string;
  name: string | null;
  network: string | null;
  drops: number;
  firstMs: number;
  lastMs: number;
  firstSeenMs: number | null;
  isNew: boolean;
}

export interface SubjectListResponse {
  from: number;
  to: number;
  why: string | null;
  rows: SubjectRow[];
}

export interface SubjectPeer extends Traffic {
  address: string;
  name: string | null;
  peer: string | null;
  user: string | null;
  country: string | null;
  sessions: number;
  firstMs: number | null;
  isNew: boolean;
}

export interface SubjectService extends Traffic {
  role: 'client' | 'server';
  service: string;
  application: string | null;
  filter: string;
  sessions: number;
  others: number;
  firstMs: number | null;
  isNew: boolean;
}

export interface ActivityCell {
  hours: number;
  active: number;
  octets: number;
}

export interface SubjectResponse {
  kind: SubjectKind;
  value: string;
  filter: string;
  from: number;
  to: number;
  historyFrom: number;
  sightings: { firstMs: number; lastMs: number } | null;
  names: { kind: string; value: string; octets: number; lastMs: number }[];
  addresses: { address: string; name: string | null; octets: number; firstMs: number; lastMs: number }[];
  stepMs: number;
  times: number[];
  series: { sent: number[]; received: number[]; flows: number[] };
  totals: Traffic;
  peers: SubjectPeer[];
  peerCounts: { all: number; fresh: number };
  services: SubjectService[];
  uses: { service: string; firstMs: number; lastMs: number }[];
  countries: ({ country: string } & Traffic)[];
  drops: { rule: string | null; from: boolean; service: string; flows: number; packets: number }[];
  activity: {
    weeks: number;
    cells: ActivityCell[];
    unusual: { hourMs: number; hours: number; active: number; chance: number; octets: number }[];
  };
  performance: {
    samples: number;
    roundTripP50: number | null;
    roundTripP95: number | null;
    retransmittedShare: number | null;
  } | null;
  sessions: Record<string, string | number | null>[];
  alerts: { id: string; title: string; severity: string; state: string; lastSeen: string }[];
}

export interface BaselineResponse {
  key: string;
  known: boolean;
  note: string;
  hours: { hourMs: number; value: number | null; median: number | null }[];
}
