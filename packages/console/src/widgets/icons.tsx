import type { ReactNode } from 'react';

interface IconProps {
  className?: string;
}

function Icon({ className = 'size-5', children }: IconProps & { children: ReactNode }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 20 20"
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export const OverviewIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 3.500h5.500v6H3zM11.500 3.500H17v3.500h-5.500zM11.500 10H17v6.500h-5.500zM3 12.500h5.500v4H3z" />
  </Icon>
);
export const ExploreIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 16.500h14M4 13l3.500-4 3 2.500L16 5M12.500 5H16v3.500" />
  </Icon>
);
export const FlowsIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 5h14M3 10h14M3 15h14M8 3v14" />
  </Icon>
);
export const TopologyIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="4.500" cy="10" r="2" />
    <circle cx="15.500" cy="4.500" r="2" />
    <circle cx="15.500" cy="15.500" r="2" />
    <path d="m6.300 9.100 7.400-3.700M6.300 10.900l7.400 3.700" />
  </Icon>
);
export const MapIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="10" cy="10" r="7" />
    <path d="M3 10h14M10 3c2.500 2.200 2.500 11.800 0 14M10 3c-2.500 2.200-2.500 11.800 0 14" />
  </Icon>
);
export const PolicyIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 3.500h5.500V9H3zM11.500 3.500H17V9h-5.500zM3 11.500h5.500V17H3z" />
    <path d="m11.300 14.300 2.200 2.200 4-4.500" />
  </Icon>
);
export const SourcesIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M10 12.500V4M6.500 9.300 10 12.800l3.500-3.500M3.500 12.500v3.500h13v-3.500" />
  </Icon>
);
export const ExportersIcon = (props: IconProps) => (
  <Icon {...props}>
    <rect x="3" y="11.500" width="14" height="5" rx="1.200" />
    <path d="M6 14h.01M9 14h.01M6.500 8.500a5 5 0 0 1 7 0M8.300 10a2.500 2.500 0 0 1 3.400 0M4.600 6.400a7.600 7.600 0 0 1 10.800 0" />
  </Icon>
);
export const DashboardsIcon = (props: IconProps) => (
  <Icon {...props}>
    <rect x="3" y="3" width="14" height="6" rx="1.200" />
    <rect x="3" y="11.500" width="6" height="5.500" rx="1.200" />
    <rect x="11.500" y="11.500" width="5.500" height="5.500" rx="1.200" />
  </Icon>
);
export const SqlIcon = (props: IconProps) => (
  <Icon {...props}>
    <ellipse cx="10" cy="5" rx="6" ry="2.300" />
    <path d="M4 5v10c0 1.300 2.700 2.300 6 2.300s6-1 6-2.300V5M4 10c0 1.300 2.700 2.300 6 2.300s6-1 6-2.300" />
  </Icon>
);
export const BookmarkIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M5.500 3.500h9v13L10 13.200 5.500 16.500Z" />
  </Icon>
);
export const AgentsIcon = (props: IconProps) => (
  <Icon {...props}>
    <rect x="3" y="3.500" width="14" height="9" rx="1.200" />
    <path d="M7 16.500h6M10 12.500v4M6.500 8h1.800l1.200-2 1.600 4 1.200-2h1.200" />
  </Icon>
);
export const FunnelIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 4h14l-5.500 6.500V16l-3-1.500v-4Z" />
  </Icon>
);
export const SearchIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="8.800" cy="8.800" r="5.300" />
    <path d="m12.800 12.800 4 4" />
  </Icon>
);
export const ClockIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.200l2.800 1.700" />
  </Icon>
);
export const MoreIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M5 10h.01M10 10h.01M15 10h.01" strokeWidth="2.600" />
  </Icon>
);
export const AccessIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M10 2.500 4 5v4.500c0 4 2.500 6.600 6 8 3.500-1.400 6-4 6-8V5zM7.500 10l1.900 1.900 3.300-3.600" />
  </Icon>
);
export const PersonIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="10" cy="7" r="3" />
    <path d="M4 16.500c.6-3 3-4.500 6-4.500s5.400 1.500 6 4.500" />
  </Icon>
);
export const AlertsIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M10 3c-3 0-4.800 2.200-4.800 5v3.200L3.800 14h12.400l-1.400-2.800V8c0-2.800-1.800-5-4.800-5ZM8.200 16.800h3.600" />
  </Icon>
);
export const PerformanceIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3.500 14.500a7 7 0 1 1 13 0M10 13l3-4.500" />
    <circle cx="10" cy="13.500" r="1" />
  </Icon>
);
export const SubjectsIcon = (props: IconProps) => (
  <Icon {...props}>
    <circle cx="7" cy="7" r="2.500" />
    <path d="M2.500 15.500c0-2.800 2-4.500 4.500-4.500 1 0 1.900.3 2.600.8M11.500 9.500h6v5h-6zM13 17h3M14.500 14.500V17" />
  </Icon>
);
export const ChangesIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 13.500h4V17H3zM8.500 9H12v8H8.500zM14 4h3v13h-3zM4 8.500l4-4M5 4.500h3v3" />
  </Icon>
);
export const BillingIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M5 2.500h10v15l-2.500-1.500-2.500 1.500-2.500-1.500L5 17.500ZM8 7h4M8 10.500h4" />
  </Icon>
);
export const CapacityIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M3 16.500h14M3.500 13l4-3.500 3 1.500L16.500 5M3 3.500h14" />
  </Icon>
);
export const ReportsIcon = (props: IconProps) => (
  <Icon {...props}>
    <path d="M5 2.500h7l3.500 3.500v11.500H5ZM12 2.500V6h3.500M8 14v-2M10.300 14V9.500M12.500 14v-3" />
  </Icon>
);
