import FleetModel
import Search
import Testing
