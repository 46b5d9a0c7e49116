import { Empty } from '../parts/states.tsx'

export default function Operator() {
  return <Empty title="Accounts" />
}
