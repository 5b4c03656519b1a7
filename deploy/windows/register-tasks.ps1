# Register tasks that start the logger and the console when this user logs on.
# Nobody of this project has run it; ..\README.md says when it is needed.
param(
    [Parameter(Mandatory)] [string] $Programs, # the Scripts folder of the environment
    [Parameter(Mandatory)] [string] $Logs      # folder of the log files
)
$ErrorActionPreference = "Stop"
$commands = @{
    "json-logger"         = "serve --log-root `"$Logs`""
    "measurement-console" = "--no-browser --port 8765"
}
foreach ($name in $commands.Keys) {
    $action = New-ScheduledTaskAction -Execute (Join-Path $Programs "$name.exe") -Argument $commands[$name]
    $trigger = New-ScheduledTaskTrigger -AtLogOn -User $env:USERNAME
    $settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit 0 -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1)
    Register-ScheduledTask -TaskName $name -Action $action -Trigger $trigger -Settings $settings -Force
}
