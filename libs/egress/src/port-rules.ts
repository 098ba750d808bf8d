/**
 * Ports that no hook lives on but where other services listen that an HTTP request can harm: the "bad port" list of
 * the Fetch standard, plus databases, caches, queues and cluster control. They stay shut for public and for allowed
 * addresses alike, unless an allow rule names the port itself (`10.1.2.3/32:9200`).
 */
const shut = new Set([
  // https://fetch.spec.whatwg.org/#port-blocking
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
  // Databases and caches
  1433, 1521, 3306, 5432, 5433, 6432, 5984, 6379, 6380, 7000, 7001, 7199, 8086, 9042, 9160, 9200, 9300, 11211, 26257,
  27017, 27018, 27019, 28015,
  // Queues and logs
  4222, 5671, 5672, 9092, 9093, 9094, 61616,
  // Remote access, directories, cluster and container control
  88, 445, 873, 2181, 2375, 2376, 2379, 2380, 3268, 3269, 3389, 5900, 5985, 5986, 6443, 8300, 8301, 8302, 8500, 10250,
  10255, 10256,
]);

export function isShutPort(port: number): boolean {
  return shut.has(port);
}
