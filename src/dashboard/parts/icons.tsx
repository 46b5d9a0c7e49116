const PATHS = {
  chart: 'M4 20V10m6 10V4m6 16v-7m5 7H3',
  chats: 'M4 5h12v8H9l-4 3v-3H4zM9 16v1h7l4 3v-3h1V9h-2',
  line: 'M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a1 1 0 0 1-1 1A16 16 0 0 1 4 5a1 1 0 0 1 1-1z',
  hook: 'M10 14a4 4 0 1 1 4-4v5a4 4 0 1 1-4-4',
  gear: 'M4 7h10m4 0h2M4 17h2m4 0h10M14 4v6M6 14v6',
  tower: 'M12 13v8m-4 0h8M9 10a4 4 0 0 1 6 0M6 7a8 8 0 0 1 12 0',
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zM15.5 15.5L20 20',
  clip: 'M19 11l-7.5 7.5a4 4 0 0 1-6-6L13 5a2.7 2.7 0 0 1 4 4l-7.5 7.5a1.3 1.3 0 0 1-2-2L14 8',
  send: 'M12 19V5m-6 6l6-6 6 6',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6L7 7m10 10l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4',
  checks: 'M3 13l4 4L15 8m-4 9L21 8',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm3 15h2',
  out: 'M14 4h5v16h-5M4 12h10m-4-4l4 4-4 4',
} as const

export function Icon({ name, size = 18 }: { name: keyof typeof PATHS; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
